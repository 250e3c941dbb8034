"""Tests of what starts a command."""
