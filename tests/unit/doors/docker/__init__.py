"""Tests of Docker's door."""
