"""Addresses: allocate them, lease them from pools, probe for conflicts, announce them."""
