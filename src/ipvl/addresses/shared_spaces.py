"""Who shares addresses with whom: what is held on each parent, and by those who share with every parent."""

from __future__ import annotations

from ipvl.addresses.intervals import Intervals
from ipvl.model.addresses import IPAddress


class HeldAddresses:
    """Addresses of one family that are held, each as often as it is held.

    An address may have several holders: two networks with the same gateway, or an endpoint and its lease.
    """

    def __init__(self) -> None:
        self.held = Intervals()
        self._further: dict[int, int] = {}

    def __bool__(self) -> bool:
        return bool(self.held)

    def copy(self) -> HeldAddresses:
        """Return holdings of their own with the same holders."""
        twin = HeldAddresses()
        twin.held, twin._further = self.held.copy(), self._further.copy()
        return twin

    def hold(self, number: int) -> None:
        """Add a holder of an address."""
        if number in self.held:
            self._further[number] = self._further.get(number, 0) + 1
        else:
            self.held.add(number)

    def release(self, number: int) -> None:
        """Take away a holder of an address; it is free when the last is gone."""
        further = self._further.pop(number, 0)
        if further > 1:
            self._further[number] = further - 1
        elif further == 0:
            self.held.discard(number)


class SharedSpaces:
    """The held addresses of every parent.

    A holder on a parent blocks that parent alone. One without a parent (a Docker pool without the parent option)
    blocks all of them, and is blocked by each.
    """

    def __init__(self) -> None:
        self._everywhere: dict[int, HeldAddresses] = {}
        self._shared: dict[int, HeldAddresses] = {}
        self._on_parent: dict[tuple[str, int], HeldAddresses] = {}
        self._own: dict[tuple[str, int], int] = {}

    def hold(self, parent: str | None, address: IPAddress) -> None:
        """Add a holder of an address, on a parent or on all (None)."""
        number, version = int(address), address.version
        self._everywhere.setdefault(version, HeldAddresses()).hold(number)
        if parent is None:
            self._shared.setdefault(version, HeldAddresses()).hold(number)
            for holdings in self._every_parent(version):
                holdings.hold(number)
            return
        space = (parent, version)
        if space not in self._on_parent:
            shared = self._shared.get(version)
            self._on_parent[space] = HeldAddresses() if shared is None else shared.copy()
        self._on_parent[space].hold(number)
        self._own[space] = self._own.get(space, 0) + 1

    def release(self, parent: str | None, address: IPAddress) -> None:
        """Take away a holder that was added with the same parent and address."""
        number, version = int(address), address.version
        self._everywhere[version].release(number)
        if parent is None:
            self._shared[version].release(number)
            for holdings in self._every_parent(version):
                holdings.release(number)
            return
        space = (parent, version)
        self._on_parent[space].release(number)
        self._own[space] -= 1
        if not self._own[space]:
            del self._own[space], self._on_parent[space]

    def held(self, parent: str | None, version: int) -> Intervals:
        """Return what may not be handed out on a parent, or by those who share with every parent (None).

        Args:
            parent: the name of the parent, or None.
            version: the IP version, 4 or 6.
        """
        if parent is None:
            holdings = self._everywhere.get(version)
        else:
            holdings = self._on_parent.get((parent, version), self._shared.get(version))
        return Intervals() if holdings is None else holdings.held

    def _every_parent(self, version: int) -> list[HeldAddresses]:
        return [holdings for (_, of_version), holdings in self._on_parent.items() if of_version == version]
