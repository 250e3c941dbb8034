"""Thin adapters: a door translates messages and holds no network logic."""
