"""DOCX and PPTX, read from their XML."""
