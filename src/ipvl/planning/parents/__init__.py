"""Which link carries a network's ports: found, checked, shared, made, named."""
