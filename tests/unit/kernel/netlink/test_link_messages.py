"""Messages about links as pyroute2 understands them, and the other way round."""

from __future__ import annotations

import socket

import pytest
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg

from ipvl.kernel.netlink.link_messages import (
    FLAG_NUMBERS,
    IFLA_AF_SPEC,
    IFLA_INET_CONF,
    IPV4_DEVCONF_ARP_NOTIFY,
    LINK,
    MODE_NUMBERS,
    add_port,
    delete_link,
    dump_links,
    enable_arp_notify,
    get_link_by_name,
    move_link_to_namespace,
    read_link,
    rename_link,
    set_link_up,
)
from ipvl.kernel.netlink.message_format import NUMBER, parse_attributes
from ipvl.model.links import Link
from ipvl.model.networks import Flag, Mode
from ipvl.model.steps import MakePort
from tests.unit.kernel.netlink.by_pyroute2 import body, decoded


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("flag", Flag)
@pytest.mark.parametrize("mtu", [None, 1400])
def test_a_port(mode, flag, mtu):
    """Its parent, mode and flag, and an MTU where one is asked for."""
    message = decoded(ifinfmsg, add_port(MakePort("ipvl0", "eth0", mode, flag, mtu), 5))

    data = message.get("linkinfo").get("data")
    assert ("ipvl0", 5, mtu) == (message.get("ifname"), message.get("link"), message.get("mtu"))
    assert "ipvlan" == message.get("linkinfo").get("kind")
    assert (MODE_NUMBERS[mode], FLAG_NUMBERS[flag]) == (data.get("ipvlan_mode"), data.get("ipvlan_flags"))
    assert 0x605 == message["header"]["flags"]


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (set_link_up(3, up=True), (3, 1, 1, None)),
        (set_link_up(3, up=False), (3, 0, 1, None)),
        (rename_link(4, "eth0"), (4, 0, 0, "eth0")),
        (delete_link(9), (9, 0, 0, None)),
        (get_link_by_name("a" * 15), (0, 0, 0, "a" * 15)),
    ],
)
def test_changes_of_links(request_, expected):
    """Index, flags and the mask of flags that change, and the name."""
    message = decoded(ifinfmsg, request_)

    assert expected == (message["index"], message["flags"], message["change"], message.get("ifname"))


def test_a_move():
    """To the namespace that a file descriptor stands for."""
    assert 11 == decoded(ifinfmsg, move_link_to_namespace(3, 11)).get("net_ns_fd")


def test_an_announcement():
    """Of IPv4 addresses, as inet_set_link_af in net/ipv4/devinet.c reads it; what the kernel says looks different."""
    request = enable_arp_notify(3)

    inet = parse_attributes(parse_attributes(request.body[LINK.size :])[IFLA_AF_SPEC])[socket.AF_INET]
    assert {IPV4_DEVCONF_ARP_NOTIFY: NUMBER.pack(1)} == parse_attributes(parse_attributes(inet)[IFLA_INET_CONF])


def test_questions_are_not_acknowledged_and_changes_are():
    """The answer to a question is enough; a list is asked for as one."""
    assert [0x1, 0x301, 0x5] == [
        decoded(ifinfmsg, request)["header"]["flags"]
        for request in (get_link_by_name("lo"), dump_links(), delete_link(1))
    ]


def test_a_link_is_read_whole():
    """A VLAN with every attribute that matters."""
    message = ifinfmsg()
    message["index"], message["flags"], message["ifi_type"] = 7, 0x10001, 1
    message["attrs"] = [
        ("IFLA_IFNAME", "eth0.20"),
        ("IFLA_LINK", 2),
        ("IFLA_MASTER", 9),
        ("IFLA_MTU", 1400),
        ("IFLA_IFALIAS", "made by ipvl"),
        (
            "IFLA_LINKINFO",
            {"attrs": [("IFLA_INFO_KIND", "vlan"), ("IFLA_INFO_DATA", {"attrs": [("IFLA_VLAN_ID", 20)]})]},
        ),
    ]

    assert Link(
        index=7,
        name="eth0.20",
        kind="vlan",
        lower=2,
        up=True,
        carrier=True,
        mtu=1400,
        alias="made by ipvl",
        loopback=False,
        ethernet=True,
        master_kind="bridge",
        vlan_id=20,
    ) == read_link(body(message), {9: "bridge"})


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("flag", Flag)
def test_a_port_is_read_with_its_mode_and_flag(mode, flag):
    """As the kernel would show what was asked of it."""
    link = read_link(add_port(MakePort("ipvl0", "eth0", mode, flag), 5).body, {})

    assert ("ipvl0", "ipvlan", 5, mode, flag) == (link.name, link.kind, link.lower, link.mode, link.flag)


def test_a_link_on_one_of_another_namespace_has_no_lower_here():
    """Its number would be that of some other link."""
    message = ifinfmsg()
    message["attrs"] = [("IFLA_LINK", 2), ("IFLA_LINK_NETNSID", 0)]

    assert None is read_link(body(message), {}).lower
