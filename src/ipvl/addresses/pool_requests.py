"""What is asked of a pool, and what tells one from another."""

from __future__ import annotations

from dataclasses import dataclass

from ipvl.model.addresses import IPNetwork
from ipvl.model.networks import ConflictCheck


@dataclass(frozen=True, slots=True)
class PoolRequest:
    """What is asked of a pool.

    Without a `subnet` it is one of the default pools of the IP `version`, of `prefix_length` bits when that is given.
    `range` is the part of the subnet to choose addresses from, `parent` whom it shares them with (None: every parent),
    `conflict_check` whether those on the parent's segment are asked who has an address.
    """

    version: int
    subnet: IPNetwork | None = None
    prefix_length: int | None = None
    range: IPNetwork | None = None
    parent: str | None = None
    conflict_check: ConflictCheck = ConflictCheck.NONE


def pool_id(
    subnet: IPNetwork,
    within: IPNetwork | None,
    parent: str | None,
    conflict_check: ConflictCheck = ConflictCheck.NONE,
) -> str:
    """Return a pool's id: the same for the same subnet, range, parent and check, and no two the same otherwise.

    So networks that ask for the same pool share it, and an id in a log says what it is.
    """
    return (
        f"{subnet}"
        + (f" range {within}" if within is not None else "")
        + (f" on {parent}" if parent else "")
        + (" probed" if conflict_check is ConflictCheck.PROBE else "")
    )
