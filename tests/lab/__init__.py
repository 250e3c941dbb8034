"""Scenarios in the lab: a real kernel with ipvlan, real Docker, real packets."""
