"""Tests of the status."""
