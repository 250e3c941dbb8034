"""Messages as pyroute2 understands them, and the other way round."""

from __future__ import annotations

import errno
import socket
import struct
from ipaddress import ip_address, ip_interface, ip_network

import pytest
from pyroute2.netlink.exceptions import NetlinkError
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.rtmsg import rtmsg

from ipvl.kernel.netlink import ipvlan_message
from ipvl.kernel.netlink.address_messages import add_address
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
from ipvl.kernel.netlink.message_format import (
    NUMBER,
    Message,
    Request,
    encode_request,
    parse_attributes,
    parse_messages,
)
from ipvl.kernel.netlink.netlink_socket import _check, _check_end
from ipvl.kernel.netlink.route_messages import RouteEntry, add_route, read_route
from ipvl.model.links import Link
from ipvl.model.networks import Flag, Mode
from ipvl.model.steps import MakePort

ipvlan_message.register()


def decoded(kind: type, request: Request) -> object:
    """Return a request as pyroute2 reads it."""
    message = kind(encode_request(request, 7))
    message.decode()
    assert 7 == message["header"]["sequence_number"]
    assert request.kind == message["header"]["type"]
    return message


def body(message: object) -> bytes:
    """Return the body of a message that pyroute2 wrote."""
    message.encode()
    return bytes(message.data[16:])


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("flag", Flag)
@pytest.mark.parametrize("mtu", [None, 1400])
def test_a_port(mode, flag, mtu):
    """Its parent, mode and flag, and an MTU where one is asked for."""
    message = decoded(ifinfmsg, add_port(MakePort("ipvl0", "eth0", mode, flag, mtu), 5))

    data = message.get("linkinfo").get("data")
    assert ("ipvl0", 5, mtu) == (message.get("ifname"), message.get("link"), message.get("mtu"))
    assert "ipvlan" == message.get("linkinfo").get("kind")
    assert (MODE_NUMBERS[mode], FLAG_NUMBERS[flag]) == (
        data.get("ipvlan_mode"),
        data.get("ipvlan_flags"),
    )
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


@pytest.mark.parametrize(("text", "family", "flags"), [("192.168.1.2/24", 2, None), ("2001:db8::2/64", 10, 0x02)])
def test_an_address(text, family, flags):
    """With its prefix; IPv6 without detection of duplicates."""
    message = decoded(ifaddrmsg, add_address(4, ip_interface(text)))

    address = text.partition("/")[0]
    assert (family, int(text.partition("/")[2]), 4) == (message["family"], message["prefixlen"], message["index"])
    assert (address, address, flags) == (message.get("local"), message.get("address"), message.get("IFA_FLAGS"))


@pytest.mark.parametrize(
    ("destination", "via", "expected"),
    [
        ("0.0.0.0/0", "192.168.1.1", (2, 0, 0, None, "192.168.1.1")),
        ("0.0.0.0/0", None, (2, 0, 253, None, None)),
        ("10.0.0.0/8", None, (2, 8, 253, "10.0.0.0", None)),
        ("::/0", "fe80::1", (10, 0, 0, None, "fe80::1")),
        ("2001:db8::/32", None, (10, 32, 0, "2001:db8::", None)),
    ],
)
def test_a_route(destination, via, expected):
    """Into the main table, by a gateway or onto the link."""
    message = decoded(rtmsg, add_route(ip_network(destination), 6, via and ip_address(via)))

    found = (message["family"], message["dst_len"], message["scope"], message.get("dst"), message.get("gateway"))
    assert expected == found
    assert (254, 4, 1, 6) == (message["table"], message["proto"], message["type"], message.get("oif"))


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


@pytest.mark.parametrize(
    ("family", "length", "table", "attribute", "expected"),
    [
        (2, 0, 254, None, "0.0.0.0/0"),
        (10, 0, 254, 254, "::/0"),
        (2, 0, 0, 1000, None),
        (2, 8, 254, None, "0.0.0.0/8"),
        (28, 0, 254, None, None),
    ],
)
def test_routes_are_those_of_the_main_table(family, length, table, attribute, expected):
    """Of both families, and of no other protocol such as MPLS."""
    message = rtmsg()
    message["family"], message["dst_len"], message["table"] = family, length, table
    message["attrs"] = [] if attribute is None else [("RTA_TABLE", attribute)]

    way = read_route(body(message))

    assert expected == (None if way is None else str(way.destination))


def test_a_metric_is_asked_for_and_read():
    """0 where the kernel's own is meant."""
    request = add_route(ip_network("0.0.0.0/0"), 6, ip_address("192.168.1.1"), 50)

    assert 50 == decoded(rtmsg, request).get("priority")
    assert RouteEntry(ip_network("0.0.0.0/0"), 6, ip_address("192.168.1.1"), 50, announced=False) == read_route(
        request.body
    )


@pytest.mark.parametrize(("protocol", "announced"), [(9, True), (4, False), (2, False)])
def test_an_announced_route_is_told_from_others(protocol, announced):
    """RTPROT_RA, include/uapi/linux/rtnetlink.h."""
    message = rtmsg()
    message["family"], message["table"], message["proto"] = 10, 254, protocol
    message["attrs"] = [("RTA_GATEWAY", "fe80::1"), ("RTA_OIF", 3), ("RTA_PRIORITY", 1024)]

    assert RouteEntry(ip_network("::/0"), 3, ip_address("fe80::1"), 1024, announced) == read_route(body(message))


def test_a_route_replaces_another_only_when_it_is_to():
    """NLM_F_REPLACE without NLM_F_EXCL, include/uapi/linux/netlink.h."""
    plain, replacing = (add_route(ip_network("::/0"), 6, None, replaces=replaces) for replaces in (False, True))

    assert (0x600, 0x500) == (plain.flags, replacing.flags)


def refusal(code: int, words: bytes, *, capped: bool) -> Message:
    """Return an NLMSG_ERROR as the kernel writes it, with the request that it is about or only its header."""
    request = encode_request(get_link_by_name("eth0"), 7)
    echo = request[:16] if capped else request
    attributes = struct.pack("=HH", 4 + len(words), 1) + words if words else b""
    return Message(2, 0x300 if capped else 0x200, 7, struct.pack("=i", -code) + echo + attributes)


@pytest.mark.parametrize("capped", [True, False])
@pytest.mark.parametrize(("words", "sentence"), [(b"no such thing\0", "no such thing"), (b"", "No such device")])
def test_a_refusal_has_the_kernels_own_words(capped, words, sentence):
    """Those of its extended acknowledgement where it gave one, its number's otherwise."""
    with pytest.raises(NetlinkError) as refused:
        _check(refusal(errno.ENODEV, words, capped=capped))

    assert (errno.ENODEV, sentence) == (refused.value.code, refused.value.args[1])


def test_no_room_is_the_sockets_own_trouble():
    """As when its answer is lost."""
    with pytest.raises(OSError, match="No buffer space") as refused:
        _check(refusal(errno.ENOBUFS, b"", capped=True))

    assert errno.ENOBUFS == refused.value.errno


def test_a_list_that_was_broken_off_is_a_refusal():
    """Its end says why; 0, or nothing, is the end of a whole one."""
    assert None is _check_end(Message(3, 0, 7, struct.pack("=i", 0)))
    assert None is _check_end(Message(3, 0, 7, b""))

    with pytest.raises(NetlinkError) as refused:
        _check_end(Message(3, 0, 7, struct.pack("=i", -errno.EINVAL)))

    assert errno.EINVAL == refused.value.code


def test_an_acknowledgement_is_no_refusal():
    """Its number is 0."""
    assert None is _check(refusal(0, b"", capped=True))


@pytest.mark.parametrize("end", range(60))
def test_what_is_cut_off_is_left_out(end):
    """Whole messages before it are read."""
    whole = encode_request(delete_link(1), 1)

    assert [end >= len(whole)] == [bool(list(parse_messages((whole * 2)[:end])))]
