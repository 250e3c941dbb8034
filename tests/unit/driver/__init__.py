"""Tests of the use cases, over the fake kernel and the real store."""
