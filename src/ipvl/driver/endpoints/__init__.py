"""Endpoints and their ports: created, joined to a sandbox, left, deleted; and who waits for their names."""
