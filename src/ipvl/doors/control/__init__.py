"""ipvl's own socket: what the command line asks the daemon."""
