"""What an isolated network leaves out that the user asked for."""

from __future__ import annotations

from ipvl.model.networks import Network

INTERNAL_WAY_OUT = (
    "to keep a network on its parent without a way out, leave --internal out and give -o no_default_route=true"
)


def unused_parent_warning(network: Network) -> tuple[str, ...]:
    """Return a sentence on the parent that a network does not use, since `--internal` isolates it; or none."""
    if not network.unused_parent:
        return ()
    return (f"{unused_parent_text(network)}; {INTERNAL_WAY_OUT}",)


def unused_parent_text(network: Network) -> str:
    """Return what of a network with an unused parent is so."""
    return f"parent {network.unused_parent} is not used, since --internal puts the network on dummy {network.parent}"
