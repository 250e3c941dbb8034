"""Reconcile host and records, restore ports, correct MTUs, and forget what Docker no longer lists."""
