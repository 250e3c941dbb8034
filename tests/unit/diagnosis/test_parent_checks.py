"""Checks of the kernel and of parents: the sick, the healthy, and what only looks sick."""

from __future__ import annotations

import pytest

from ipvl.model.networks import Flag, Mode
from tests.unit.builders import (
    ENDPOINT_ID,
    ID,
    OTHER_ENDPOINT_ID,
    SANDBOX,
    endpoint,
    link,
    network,
    parent,
    vlan_parent,
)
from tests.unit.diagnosis.cases import ETH0, ETH1, evidence, facts, found

ON_ETH1 = (parent("eth1"), network(parent="eth1", name="web"))
VLAN = link("eth0.20", 4, kind="vlan", lower=2, vlan_id=20)
HERE = "/run/docker/netns/0123456789ab"


def port(name: str = "eth0", **fields: object) -> object:
    return link(name, 30, **{"kind": "ipvlan", "lower": 3, "mode": Mode.L2, "flag": Flag.BRIDGE, **fields})


@pytest.mark.parametrize(
    ("release", "mode", "flag", "feature"),
    [
        ("4.1.99", Mode.L2, Flag.BRIDGE, "ipvlan; it needs 4.2"),
        ("4.8.0-rc1", Mode.L3S, Flag.BRIDGE, "ipvlan mode l3s; it needs 4.9"),
        ("4.14.1", Mode.L2, Flag.VEPA, "ipvlan flag vepa; it needs 4.15"),
    ],
)
def test_an_old_kernel(release, mode, flag, feature):
    """The newest that is needed, by the networks there are."""
    sick = evidence(parent("eth1"), network(parent="eth1", mode=mode, flag=flag), release=release)

    assert [f"problem: kernel {release} is too old for {feature} or later"] == found("kernel", sick)


@pytest.mark.parametrize("release", ["4.2.0", "4.2-custom", "6.1.0-56-amd64", "10.0"])
def test_a_kernel_that_is_new_enough(release):
    """The oldest one, and one with two digits."""
    assert [] == found("kernel", evidence(*ON_ETH1, release=release))


def test_an_old_kernel_is_said_once():
    """However many networks there are, and before there is one."""
    assert 1 == len(found("kernel", evidence(release="3.16.0")))
    assert 1 == len(found("kernel", evidence(*ON_ETH1, network("b" * 64, parent="eth1"), release="3.16.0")))


def test_missing_modules():
    """Ipvlan always, the others where a parent needs them."""
    isolated = network(isolated=True)
    none = frozenset({"bridge"})
    said = (
        "problem: kernel 6.1.0-56-amd64 has no {} links;"
        " load the module with `modprobe {}`, or use a kernel that has it"
    )

    assert [said.format("ipvlan", "ipvlan")] == found("module", evidence(kinds=none))
    assert [said.format("vlan", "8021q")] == found(
        "module", evidence(parent="eth0.30", kinds=frozenset({"ipvlan", "dummy"}))
    )
    assert [said.format("dummy", "dummy")] == found(
        "module",
        evidence(parent(isolated.parent, kind="dummy"), isolated, kinds=frozenset({"ipvlan", "vlan"})),
    )
    assert [] == found("module", evidence(kinds=frozenset({"ipvlan"})))


def test_modules_that_nobody_could_ask_for():
    """Who may not make links learns nothing, and that is no missing module."""
    assert [] == found("module", evidence(kinds=frozenset(), knows_kinds=False))


def test_a_missing_parent():
    """One that ipvl does not make."""
    sick = evidence(parent("up0"), network(parent="up0"))

    assert found("parent", sick) == [
        "problem: parent up0 does not exist on this host;"
        " make it first, or name it NAME.VID (such as eth0.20) to have it made"
    ]


def test_a_parent_that_would_be_made():
    """A VLAN of a link that is there is no problem, even where the kinds are unknown; of one that is not, it is."""
    assert [] == found("parent", evidence(parent="eth0.30", kinds=frozenset()))
    assert found("parent", evidence(parent="nope0.30")) == [
        "problem: parent nope0.30 cannot be made: link nope0 does not exist on this host; links that do: eth0, eth1"
    ]


def test_a_vlan_under_another_name():
    """It is taken: the sentence says by whom."""
    foo = link("foo", 5, kind="vlan", lower=2, vlan_id=30)

    assert found("parent", evidence(parent="eth0.30", links=(ETH0, foo))) == [
        "problem: parent eth0.30 cannot be made: VLAN 30 of eth0 is already link foo; use -o parent=foo"
    ]


@pytest.mark.parametrize("fields", [{"ethernet": False}, {"kind": "ipvlan"}, {"kind": "macvtap"}])
def test_no_parent_by_nature(fields):
    """A tunnel, or a port."""
    (said,) = found("parent", evidence(parent="up0", links=(link("up0", 5, **fields),)))

    assert said.startswith("problem: parent up0 is ")


def test_a_name_that_misleads():
    """Another VLAN than the name says is a warning; the right one is none."""
    belied = link("eth0.20", 4, kind="vlan", lower=2, vlan_id=30)

    assert found("parent", evidence(parent="eth0.20", links=(ETH0, belied))) == [
        "warning: parent eth0.20 is VLAN 30 of eth0, not what its name says;"
        " rename it, or see that this is the VLAN that is meant"
    ]
    assert [] == found("parent", evidence(parent="eth0.20", links=(ETH0, VLAN)))


def test_a_parent_that_is_down():
    """Its own fault."""
    assert found("carrier", evidence(*ON_ETH1, links=(link("eth1", 3, up=False, carrier=False),))) == [
        "problem: parent eth1 is down, so its containers reach nobody; bring it up with `ip link set eth1 up`"
    ]


def test_a_parent_whose_base_is_down():
    """Bringing up the sub-interface alone would not do, and it comes up with what it sits on."""
    links = (link("eth0", 2, up=False, carrier=False), link("eth0.20", 4, kind="vlan", lower=2, vlan_id=20, up=False))

    assert found("carrier", evidence(parent="eth0.20", links=links)) == [
        "problem: parent eth0.20 is down, so its containers reach nobody;"
        " eth0 below it is down: bring that up with `ip link set eth0 up`"
    ]


def test_a_parent_with_two_tags_whose_base_is_down():
    """The lowest is what to bring up: those above it follow."""
    links = (
        link("eth0", 2, up=False, carrier=False),
        link("eth0.20", 4, kind="vlan", lower=2, vlan_id=20, up=False),
        link("eth0.20.30", 5, kind="vlan", lower=4, vlan_id=30, up=False),
    )

    assert found("carrier", evidence(parent="eth0.20.30", links=links)) == [
        "problem: parent eth0.20.30 is down, so its containers reach nobody;"
        " eth0 below it is down: bring that up with `ip link set eth0 up`"
    ]


def test_a_parent_without_carrier():
    """The cable is the base's."""
    links = (link("eth0", 2, carrier=False), link("eth0.20", 4, kind="vlan", lower=2, vlan_id=20, carrier=False))

    assert found("carrier", evidence(parent="eth0.20", links=links)) == [
        "problem: parent eth0.20 has no carrier, so its containers reach nobody;"
        " look at the cable and the switch port of eth0"
    ]


def test_a_parent_that_stays_up_on_a_base_that_is_down():
    """A macvlan port does, and a VLAN on it: the cable is all right."""
    links = (
        link("eth0", 2, up=False, carrier=False),
        link("mv0", 4, kind="macvlan", lower=2, carrier=False),
        link("mv0.20", 5, kind="vlan", lower=4, vlan_id=20, carrier=False),
    )
    for name in ("mv0", "mv0.20"):
        assert found("carrier", evidence(parent=name, links=links)) == [
            f"problem: parent {name} has no carrier, so its containers reach nobody;"
            " eth0 below it is down: bring that up with `ip link set eth0 up`"
        ]


def test_a_veth_parent():
    """The other end of the pair is not below it."""
    links = (link("up0", 5, kind="veth", lower=6, carrier=False), link("up1", 6, kind="veth", lower=5, up=False))

    assert found("carrier", evidence(parent="up0", links=links)) == [
        "problem: parent up0 has no carrier, so its containers reach nobody;"
        " look at the cable and the switch port of up0"
    ]


def test_a_parent_that_would_be_made_on_a_dead_link():
    """Before there is anything, the base is what can be looked at."""
    assert found("carrier", evidence(parent="eth0.30", links=(link("eth0", 2, up=False, carrier=False),))) == [
        "problem: parent eth0.30 would be made on link eth0, which is down, so its containers reach nobody;"
        " bring it up with `ip link set eth0 up`"
    ]
    assert [] == found("carrier", evidence(parent="eth0.30"))


@pytest.mark.parametrize(
    ("name", "links", "what"),
    [
        ("wlan0", (link("wlan0", 5),), "wireless"),
        (
            "wlan0.20",
            (link("wlan0", 5), link("wlan0.20", 6, kind="vlan", lower=5, vlan_id=20)),
            "on wireless link wlan0",
        ),
        ("wlan0.30", (link("wlan0", 5),), "on wireless link wlan0"),
    ],
)
def test_a_wireless_parent(name, links, what):
    """The link itself, or the one below, made already or not: a warning, because it may work."""
    assert found("wireless", evidence(parent=name, links=links, stack=(facts("wlan0", wireless=True),))) == [
        f"warning: parent {name} is {what}, where access points drop VLAN tags and may drop the containers' addresses;"
        " use a wired link, or see that the access point allows more than one address a station"
    ]


def test_a_wireless_parent_without_carrier():
    """Nobody need look for its cable."""
    links = (link("wlan0", 2, carrier=False), link("wlan0.20", 4, kind="vlan", lower=2, vlan_id=20, carrier=False))

    for name in ("wlan0", "wlan0.20"):
        assert found("carrier", evidence(parent=name, links=links, stack=(facts("wlan0", wireless=True),))) == [
            f"problem: parent {name} has no carrier, so its containers reach nobody; connect wlan0 to an access point"
        ]


def test_another_link_may_be_wireless():
    """Only parents matter."""
    assert [] == found("wireless", evidence(*ON_ETH1, stack=(facts("eth0", wireless=True),)))


@pytest.mark.parametrize("where", [None, HERE])
def test_macvlan_on_a_parent(where):
    """Here or in a container."""
    other = link("mv0", 30, kind="macvlan", lower=3, namespace=where)
    sick = evidence(*ON_ETH1, links=(ETH1,), moved=(other,)) if where else evidence(*ON_ETH1, links=(ETH1, other))

    assert found("macvlan", sick) == [
        f"problem: parent eth1 carries macvlan port {other.label};"
        " a link cannot carry macvlan and ipvlan at once: remove that port or use another parent"
    ]


def test_macvlan_elsewhere():
    """On the base of a VLAN parent it takes no tagged frame."""
    other = link("mv0", 30, kind="macvlan", lower=2)

    assert [] == found("macvlan", evidence(parent="eth0.20", links=(ETH0, VLAN, other)))


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("bridge", "is a port of a bridge"),
        ("openvswitch", "is a port of an Open vSwitch bridge"),
        ("bond", "belongs to a bond"),
        ("team", "belongs to a team"),
    ],
)
def test_a_parent_that_gives_its_frames_away(kind, what):
    """The bridge or bond itself would be the parent."""
    sick = evidence(*ON_ETH1, links=(link("eth1", 3, master_kind=kind),))

    assert found("master", sick) == [
        f"problem: parent eth1 {what}, which takes every frame it receives;"
        f" use the {kind} as the parent, or take eth1 out of it"
    ]


def test_a_master_that_takes_no_frames():
    """A VRF leaves the frames to the link."""
    assert [] == found("master", evidence(*ON_ETH1, links=(link("eth1", 3, master_kind="vrf"),)))


def test_a_mode_that_others_switched():
    """The foreign port is named, our own, which it switched, is not."""
    ours = endpoint(sandbox=SANDBOX)
    sick = evidence(
        *ON_ETH1,
        ours,
        links=(ETH1, port("iv0", mode=Mode.L3)),
        moved=(port(mode=Mode.L3, namespace=HERE),),
    )

    assert found("mode", sick) == [
        "problem: network web is in mode l2, but the ports of its parent eth1 were switched to mode l3 by port iv0,"
        " which ipvl did not make; remove that port, then restart one container of the network,"
        " which switches them back"
    ]


def test_a_flag_that_somebody_switched():
    """Whoever did it is gone: our own port shows it."""
    sick = evidence(
        *ON_ETH1, endpoint(sandbox=SANDBOX), links=(ETH1,), moved=(port(flag=Flag.PRIVATE, namespace=HERE),)
    )

    assert found("mode", sick) == [
        "problem: network web is in flag bridge, but the ports of its parent eth1 were switched to flag private by a"
        " port that others made; restart one container of the network, which switches them back"
    ]


def test_ports_of_others_in_the_same_mode():
    """Sharing a parent is fine."""
    assert [] == found("mode", evidence(*ON_ETH1, links=(ETH1, port("iv0"))))


def test_an_mtu_above_the_parents():
    """What a network asks for, whether its parent is there or would be made."""
    big = network(parent="eth0.20", name="web", mtu=9000)
    said = (
        "problem: network web: MTU 9000 is above the 1500 of link {0};"
        " use 1500 or less, or raise the parent's with `{1}`"
    )
    of_base = "ip link set eth0 mtu 9000"

    assert [said.format("eth0.20", f"{of_base} && ip link set eth0.20 mtu 9000")] == found(
        "mtu", evidence(vlan_parent("eth0.20", "eth0", 20), big, links=(ETH0, VLAN))
    )
    assert [said.format("eth0", of_base)] == found("mtu", evidence(vlan_parent("eth0.20", "eth0", 20), big))


@pytest.mark.parametrize(("mtu", "lines"), [(1400, 0), (1500, 0), (1501, 1)])
def test_a_ports_mtu(mtu, lines):
    """Equal is not above."""
    said = found("mtu", evidence(*ON_ETH1, links=(ETH1,), moved=(port(mtu=mtu, namespace=HERE),)))

    assert lines == len(said)
    assert all("has MTU 1501, above the 1500 of its parent eth1" in line for line in said)


def test_a_container_that_lost_the_networks_mtu():
    """To its parent's, which changed."""
    of = network(parent="eth1", name="web", mtu=1300)
    member = endpoint(name="shop", sandbox=HERE)
    seen = evidence(
        parent("eth1"), of, member, links=(ETH1,), moved=(port(mtu=1500, namespace=HERE),), sandboxes=(HERE,)
    )

    assert found("mtu", seen) == [
        "warning: endpoint shop of network web has MTU 1500 instead of 1300, since that of parent eth1 changed;"
        " restart the container; with embedded.conf the daemon sets it again itself"
    ]


L3 = (parent("eth1"), network(parent="eth1", name="web", mode=Mode.L3, subnets=("10.1.0.0/16", "2001:db8:9::/64")))


def test_ipv6_off_under_l3():
    """Named with the command, a dot in the link's name written as sysctl wants it."""
    dotted = network(parent="eth0.20", name="web", mode=Mode.L3, subnets=("2001:db8:9::/64",))
    sick = evidence(parent("eth0.20"), dotted, links=(ETH0, VLAN), stack=(facts("eth0.20", ipv6_disabled=True),))

    assert found("sysctls", sick) == [
        "problem: IPv6 is off on parent eth0.20 (disable_ipv6=1), and in mode l3 network web sends its IPv6 by the"
        " host's own routes there; `sysctl net.ipv6.conf.eth0/20.disable_ipv6=0`"
    ]


@pytest.mark.parametrize("other", [{"mode": Mode.L2}, {"isolated": True}, {"subnets": ("10.1.0.0/16",)}])
def test_ipv6_off_where_it_does_not_matter(other):
    """In L2 the host's stack has no part, an isolated network leads nowhere, IPv4 has its own."""
    defaults = {"parent": "eth1", "mode": Mode.L3, "subnets": ("10.1.0.0/16", "2001:db8:9::/64")}
    healthy = network(**{**defaults, **other})

    assert [] == found(
        "sysctls", evidence(parent("eth1"), healthy, stack=(facts("eth1", ipv6_disabled=True, forwarding6=True),))
    )


def test_forwarding_without_a_default_route():
    """A router's announcement is not taken."""
    sick = evidence(*L3, stack=(facts("eth1", "2001:db8:1::9/64", forwarding6=True),), default_routes6=())

    (said,) = found("sysctls", sick)
    assert said.startswith(
        "warning: the host has no IPv6 default route for network web in mode l3 to leave by, and with"
    )
    assert said.endswith("`sysctl net.ipv6.conf.eth1.accept_ra=2`, or add the route by hand")


@pytest.mark.parametrize(
    ("fields", "routes"),
    [
        ({"forwarding6": True}, ("eth0",)),
        ({"forwarding6": True, "accept_ra": 2}, ()),
        ({"forwarding6": True, "accept_ra": 0}, ()),
        ({"forwarding6": False}, ()),
    ],
)
def test_forwarding_that_harms_nobody(fields, routes):
    """There is a route, routers are heard or meant not to be, or the host is no router."""
    healthy = evidence(*L3, stack=(facts("eth1", "2001:db8:1::9/64", **fields),), default_routes6=routes)

    assert [] == found("sysctls", healthy)


def test_forwarding_on_a_link_without_ipv6():
    """A host with link-local addresses alone has no IPv6 to lose."""
    healthy = evidence(*L3, stack=(facts("eth1", "fe80::9/64", forwarding6=True),), default_routes6=())

    assert [] == found("sysctls", healthy)


@pytest.mark.parametrize(("rp_filter", "interfaces", "lines"), [(1, 2, 1), (1, 1, 0), (2, 2, 0), (0, 2, 0)])
def test_rp_filter_in_a_sandbox(rp_filter, interfaces, lines):
    """Strict, and with two ways in; anything less harms nobody."""
    ours = endpoint(ENDPOINT_ID, addresses=("10.1.0.2/16",), sandbox=SANDBOX, name="shop")
    theirs = endpoint(OTHER_ENDPOINT_ID, network_id=ID, addresses=("10.1.0.3/16",))
    ways = tuple(port(f"eth{number}", namespace=HERE, mode=Mode.L3) for number in range(interfaces))

    said = found("sysctls", evidence(*L3, ours, theirs, moved=ways, rp_filter=rp_filter))

    assert lines == len(said)
    assert all(line.startswith("warning: container shop of network web has 2 interfaces") for line in said)


def test_a_parent_that_internal_leaves_unused():
    """With what keeps containers on it without a way out."""
    of = network(name="inner", isolated=True, unused_parent="eth0.20")

    assert [
        f"warning: network inner: parent eth0.20 is not used, since --internal puts the network on dummy {of.parent};"
        " to keep a network on its parent without a way out, leave --internal out and give -o no_default_route=true"
    ] == found("parent", evidence(of))
