"""ipvl: containers straight on the physical network, through Linux ipvlan."""

__version__ = "0.1.0"
