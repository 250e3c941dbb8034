"""Tests of the addresses room."""
