"""Bring host and records together again."""
