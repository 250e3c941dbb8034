"""What ipvl remembers, in memory, indexed the ways the rooms above ask."""
