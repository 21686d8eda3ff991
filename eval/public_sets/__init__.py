"""Public question sets, read from where the user keeps them; none is part of this repository."""
