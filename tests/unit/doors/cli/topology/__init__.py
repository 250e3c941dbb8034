"""Tests of `ipvl topology`."""
