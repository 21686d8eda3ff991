"""Text and Markdown, in the encodings that people use."""
