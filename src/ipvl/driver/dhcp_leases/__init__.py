"""Leases of DHCP servers: requested, renewed, released or declined."""
