"""Choose addresses that nobody holds."""
