"""The host's clocks, and the time that records hold."""
