"""Docker's own API, read only."""
