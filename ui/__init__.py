"""The chat: a Gradio page over the same assistant as the API."""
