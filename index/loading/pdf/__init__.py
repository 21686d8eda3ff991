"""PDF and scans: places of characters to words, lines, columns and paragraphs."""
