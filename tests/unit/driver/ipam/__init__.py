"""Tests of addresses and pools."""
