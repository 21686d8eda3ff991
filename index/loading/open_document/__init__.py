"""ODT and ODP, read in one pass over their XML."""
