"""Who shares addresses with whom."""

from __future__ import annotations

from collections import Counter
from ipaddress import ip_address

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ipvl.addresses.shared_spaces import SharedSpaces

PARENTS = (None, "eth0", "eth1")
ADDRESSES = [ip_address(text) for text in ("10.0.0.1", "10.0.0.2", "10.0.0.3", "::1", "::2")]


class AgainstCounters(RuleBasedStateMachine):
    """Holders come and go in any order, several of one address among them."""

    def __init__(self) -> None:
        super().__init__()
        self.spaces = SharedSpaces()
        self.model: Counter[tuple[str | None, object]] = Counter()

    @rule(parent=st.sampled_from(PARENTS), address=st.sampled_from(ADDRESSES))
    def hold(self, parent, address):
        self.spaces.hold(parent, address)
        self.model[parent, address] += 1

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def release(self, data):
        held = data.draw(st.sampled_from(sorted(self.model, key=str)))
        self.spaces.release(*held)
        self.model -= Counter([held])

    @invariant()
    def everybody_is_blocked_by_those_they_share_with(self):
        for parent in PARENTS:
            shares_with = PARENTS if parent is None else (parent, None)
            for address in ADDRESSES:
                blocked = any((other, address) in self.model for other in shares_with)

                assert blocked == (int(address) in self.spaces.held(parent, address.version))


TestAgainstCounters = AgainstCounters.TestCase


def test_a_parent_that_nothing_is_held_on_costs_nothing():
    """Isolated networks come and go with parents of their own."""
    spaces = SharedSpaces()
    for number in range(100):
        spaces.hold(f"di-{number}", ADDRESSES[0])
        spaces.release(f"di-{number}", ADDRESSES[0])

    assert {} == spaces._on_parent == spaces._own
