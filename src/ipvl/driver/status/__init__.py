"""What ipvl knows and what the host shows of it, as plain data."""
