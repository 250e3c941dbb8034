"""The tests of ipvl."""
