"""The `ipvl` command."""
