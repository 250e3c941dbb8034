"""Names of one link are names of one parent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ipvl.errors import Kind
from ipvl.model.links import MADE_BY_IPVL
from ipvl.model.networks import VlanProtocol
from ipvl.planning.parents.parent_names import learned_names, named_parent, renamed_parents
from ipvl.planning.parents.plan_parent import plan_parent
from ipvl.records.records import Records
from tests.unit.builders import host, link, network, parent, vlan_parent
from tests.unit.refusals import refusal

LONG = "uplink" * 20
ETH0 = link(altnames=("uplink0lan", LONG))
ETH0_20 = link("eth0.20", 3, kind="vlan", lower=2, vlan_id=20)
FOO = link("foo", 4, kind="vlan", lower=2, vlan_id=40)
USB = link("enx00505639452d", 5)


def named(text, *links, records=(), **how):
    return named_parent(text, Records(records), host(*links), **how)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("eth0", "eth0"),
        ("uplink0lan", "eth0"),
        (LONG, "eth0"),
        ("eth0.20", "eth0.20"),
        ("uplink0lan.20", "eth0.20"),
        (f"{LONG}.30", "eth0.30"),
        ("uplink0lan.100.20", "eth0.100.20"),
        ("uplink0lan.40", "foo"),
        ("uplink0lan.40.20", "foo.20"),
        ("eth0.40", "eth0.40"),
        ("eth7", "eth7"),
        ("eth7.20", "eth7.20"),
        ("uplink0lan.0", "uplink0lan.0"),
        ("uplink0lan.5000", "uplink0lan.5000"),
        ("a-name-of-16-byte.20", "a-name-of-16-byte.20"),
    ],
)
def test_whatever_a_link_is_called_its_parent_is_one(text, expected):
    """VLANs of it too; by its own name a VLAN is asked for by name, and what is nobody's name stays as it is."""
    assert expected == named(text, ETH0, ETH0_20, FOO)


def test_what_is_longer_than_any_name_is_not_taken_apart():
    """It is refused as it is, when the options are read."""
    text = "eth0" + ".1" * 5000

    assert text == named(text, ETH0)


def test_an_alternative_name_may_read_like_a_vlan():
    """It is a name first."""
    assert "eth0" == named("old.20", replace(ETH0, altnames=("old.20",)))
    assert "eth0" == named("eth1.20", replace(ETH0, altnames=("eth1.20",)), link("eth1", 7))


def test_a_vlan_of_a_described_link_is_found_by_what_it_is():
    """Its name is not what was asked for."""
    assert "foo" == named("eth0.40", ETH0, FOO, described=True)
    assert "eth0.40" == named("eth0.40", ETH0, FOO, described=True, protocol=VlanProtocol.DOT1AD)
    assert "eth0.20" == named("eth0.20", ETH0, ETH0_20, described=True)


@pytest.mark.parametrize(
    ("text", "protocol", "line", "use"),
    [
        ("enx00505639452d.20", None, "name vlan20-2 up type vlan id 20", "vlan20-2"),
        ("enx00505639452d.7", None, "name vlan7 up type vlan id 7", "vlan7"),
        ("enx00505639452d.100.20", None, "name vlan100 up type vlan id 100", "vlan100.20"),
        ("enx00505639452d.100", VlanProtocol.DOT1AD, "name vlan100 up type vlan proto 802.1ad id 100", "vlan100"),
    ],
)
def test_a_vlan_whose_name_would_be_too_long(text, protocol, line, use):
    """The refusal has the line that makes it, under a name that is free."""
    made = ".".join(text.split(".")[:2])
    expected = (
        f"parent {made} cannot be made: a link's name has at most 15 bytes;"
        f" make it with `ip link add link enx00505639452d {line}` and use -o parent={use}"
    )
    links = host(USB, link("vlan20", 9))

    assert expected == refusal(Kind.INVALID, named_parent, text, Records(), links, protocol)


@pytest.mark.parametrize("described", [True, False])
def test_a_vlan_of_a_link_with_a_long_name_is_found_by_what_it_is(described):
    """However it is called; and one in it, too."""
    v20 = link("v20", 6, kind="vlan", lower=5, vlan_id=20)

    assert "v20" == named("enx00505639452d.20", USB, v20, described=described)
    assert "v20.30" == named("enx00505639452d.20.30", USB, v20, described=described)


def test_a_former_name_is_known_from_the_records():
    """After the name was taken off the link, and while the link is away; not once another link has it."""
    held = parent(also=("uplink0lan",))

    assert "eth0" == named("uplink0lan", link(), records=(held,))
    assert "eth0.20" == named("uplink0lan.20", records=(held,))
    assert "eth1" == named("uplink0lan", link(), link("eth1", 7, altnames=("uplink0lan",)), records=(held,))


def test_a_parent_is_recorded_with_the_names_of_its_link():
    """Those of a base, where ipvl makes the link; with those it had before."""
    records = Records((parent(also=("old",)),))

    assert ("old", "uplink0lan", LONG) == plan_parent(network(), records, host(ETH0)).parent.also
    assert ("uplink0lan", LONG) == plan_parent(network(parent="eth0.20"), Records(), host(ETH0)).parent.also


def test_a_link_that_is_called_otherwise_is_known_by_its_other_names():
    """If they are one link's, and no parent of that name is there."""
    held = parent(also=("old", "uplink0lan"))
    lan0 = replace(ETH0, name="lan0")

    def renamed(*links, records=(held,)):
        return tuple(renamed_parents(Records(records), host(*links)))

    assert ((held, "lan0"),) == renamed(lan0)
    assert () == renamed(lan0, link("eth0", 8))
    assert () == renamed(lan0, link("eth1", 8, altnames=("old",)))
    assert () == renamed(lan0, records=(held, parent("lan0")))
    assert () == renamed(replace(lan0, altnames=()))


@pytest.mark.parametrize(
    ("held", "links", "expected"),
    [
        (parent(), (ETH0,), parent(also=("uplink0lan", LONG))),
        (parent(also=("old",)), (link(),), None),
        (parent(also=("uplink0lan", LONG)), (ETH0,), None),
        (parent(also=("old",)), (link(), link("old", 7)), parent()),
        (parent(also=("old",)), (), None),
        (vlan_parent("eth0.20", "eth0", 20), (link(),), None),
        (
            replace(vlan_parent("eth0.20", "eth0", 20), also=("uplink0lan",)),
            (replace(ETH0, name="lan0", altnames=("uplink0lan",)),),
            replace(vlan_parent("eth0.20", "lan0", 20), also=("eth0", "uplink0lan")),
        ),
    ],
)
def test_names_are_learned_as_they_come(held, links, expected):
    """They are kept until another link has them; a made link's base is followed to its new name."""
    assert (() if expected is None else (expected,)) == tuple(learned_names(Records((held,)), host(*links)))


def test_a_made_vlan_whose_base_has_another_name_is_no_riddle():
    """Its name was right when ipvl made it."""
    records = Records((replace(vlan_parent("eth0.20", "lan0", 20), also=("eth0",)),))
    links = (replace(ETH0, name="lan0"), replace(ETH0_20, alias=MADE_BY_IPVL))

    assert () == plan_parent(network(parent="eth0.20"), records, host(*links)).warnings
