"""Leases of DHCP servers: asked for, kept, released."""
