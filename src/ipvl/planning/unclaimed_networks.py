"""What came from a Docker, and that the Docker that ipvl asks does not have: it stays, and a human decides."""

from __future__ import annotations

from collections.abc import Collection

from ipvl.model.networks import Network, Phase
from ipvl.model.pools import Pool
from ipvl.records.records import Records

BEING_MADE_SECONDS = 60.0
"""Seconds for which something that ipvl knows may be missing from Docker's list because Docker is still making it."""
ASKED_DOCKER = "the Docker that ipvl asks (/run/docker.sock, unless it was told another)"


def list_unclaimed(
    records: Records, networks: Collection[str], pools: Collection[str], before: float
) -> tuple[Network | Pool, ...]:
    """Return the networks and pools that came from a Docker and are not in its lists.

    Args:
        records: what ipvl remembers.
        networks: the ids of the networks in the lists.
        pools: the ids of the pools whose networks are in the lists.
        before: what is younger than this, in seconds since the epoch, may be on its way into the lists.
    """
    return (
        *(
            network
            for network in records.networks()
            if network.is_dockers
            and network.phase is Phase.READY
            and network.created < before
            and network.id not in networks
        ),
        *(pool for pool in records.pools() if pool.changed < before and pool.id not in pools),
    )


def what_is_unclaimed(one: Network | Pool) -> str:
    """Return what is said of a network or pool that Docker's lists do not have."""
    if isinstance(one, Pool):
        return f"pool {one.id} was asked for by a Docker, but {ASKED_DOCKER} has no network that uses it"
    return f"network {one.label} was made by a Docker, but {ASKED_DOCKER} does not have it"


def way_out_of_unclaimed(one: Network | Pool) -> str:
    """Return how a network or pool is removed whose Docker is gone."""
    line = f"forget --pool '{one.id}'" if isinstance(one, Pool) else f"forget {one.label}"
    return f"if no other Docker on this host has it, remove it with `ipvl network {line}`"
