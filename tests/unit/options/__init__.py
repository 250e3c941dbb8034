"""Tests of the room that reads user input."""
