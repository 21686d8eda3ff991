"""The HTTP service: routes over the assistant, and the guards in front of them."""
