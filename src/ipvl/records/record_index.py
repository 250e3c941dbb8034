"""Records by something that several share, such as endpoints by their network."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

Thing = TypeVar("Thing")
Key = TypeVar("Key")
Name = TypeVar("Name")


class RecordIndex(Generic[Thing, Key, Name]):
    """The names of things by a key that they share, each group in the order in which they came into it.

    Args:
        key_of: returns the key of a thing; one whose key is None is in no group.
    """

    def __init__(self, key_of: Callable[[Thing], Key | None]) -> None:
        self._key_of = key_of
        self._groups: dict[Key, dict[Name, None]] = {}

    def __contains__(self, key: Key) -> bool:
        """Tell whether anything is in this group."""
        return key in self._groups

    def names(self, key: Key) -> Iterable[Name]:
        """Return the names of what is in this group."""
        return self._groups.get(key, ())

    def change(self, name: Name, before: Thing | None, after: Thing | None) -> None:
        """Follow a thing that comes (before is None), changes or goes; what keeps its key keeps its place."""
        left = None if before is None else self._key_of(before)
        entered = None if after is None else self._key_of(after)
        if left == entered:
            return
        if left is not None:
            group = self._groups[left]
            del group[name]
            if not group:
                del self._groups[left]
        if entered is not None:
            self._groups.setdefault(entered, {})[name] = None
