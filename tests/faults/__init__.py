"""Faults on purpose: every operation of both doors, and what may happen to it at each call to store and kernel."""
