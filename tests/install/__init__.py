"""Installing on a host."""
