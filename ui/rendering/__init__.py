"""What the page shows, as HTML. Pure functions; whatever is not of this package is escaped text."""
