"""Mail and its parts."""
