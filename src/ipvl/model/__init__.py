"""The immutable data that every room shares. No I/O."""
