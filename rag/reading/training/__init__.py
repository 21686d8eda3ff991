"""Training of the reader: what `rag.reading.train` reads, composes, runs and writes."""
