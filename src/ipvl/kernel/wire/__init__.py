"""Frames on a parent's own segment: ARP, neighbour discovery, DHCP."""
