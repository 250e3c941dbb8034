"""Tests of what is read from Docker's own API."""
