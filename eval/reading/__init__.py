"""The trained reader on public questions: what is fitted of it, and how good it is."""
