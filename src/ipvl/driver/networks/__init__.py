"""Make and remove networks, and what the host has on them."""
