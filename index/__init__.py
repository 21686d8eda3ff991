"""Documents in, hits out: loading, chunking, embedding and search. Knows no answer, HTTP or page."""
