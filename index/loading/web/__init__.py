"""Web pages, and EPUB, which is made of them."""
