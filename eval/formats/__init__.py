"""`quotebound eval formats`: one article in every format, and whether each is read as the text is."""
