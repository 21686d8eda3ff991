"""The conversations that visitors had: kept as places in documents, and read from these again to be shown."""
