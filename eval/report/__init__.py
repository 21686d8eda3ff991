"""What a run found, for people: in a terminal, as a page, as a comment under a pull request."""
