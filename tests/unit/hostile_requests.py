"""Requests that no honest client sends: strategies for their values, bodies and framing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

import msgspec
from hypothesis import strategies as st

from ipvl.addresses.pool_requests import pool_id
from ipvl.doors.docker import plugin_requests
from ipvl.embedded import all_calls
from tests.unit.builders import ENDPOINT_ID, ID, OTHER_ENDPOINT_ID, OTHER_ID, SANDBOX
from tests.unit.served_doors import CONTROL, DOCKER

PROCESS = 4711
"""One that has a network namespace."""
TARGETS = {
    DOCKER: {f"/{name}": call.request for name, call in plugin_requests.CALLS.items()},
    CONTROL: {f"/calls/{name}": call.request for name, call in all_calls.CALLS.items()},
}

KNOWN = (
    ID, OTHER_ID, ENDPOINT_ID, SANDBOX, "web", "shop", "eth0", "eth1", "eth0.20", "lo", "l2", "l3s", "private", "1400",
    "192.168.20.0/24", "192.168.20.7/24", "192.168.20.7", "10.9.0.0/16", "2001:db8::/64", "2001:db8::7/64",
    "192.168.20.0/24 ", "0.0.0.0/0", "::/0", "0.0.0.0/24", "RequestAddressType", "com.docker.network.gateway",
    "ipvlan_mode", "parent", "ipvlan_flag", "mtu", "com.docker.network.generic", "com.docker.network.internal",
)  # fmt: skip
HOSTILE = (
    "", " ", "\0", "\n", "a\nb", "/", "//", "../../etc/shadow", "..", ".", "a/b", "-", "--help", "-rf", "%s%n",
    "eth0;reboot",
    "$(reboot)", "`id`", "eth0 up", "eth0%d", "eth0:1", "eth0.4095", "eth0.0", "eth0.-1", "eth0.20.30",
    "\u202e", "\U0001f600",
    "\x1b[2J", "é" * 15, "x" * 16, "x" * 10_000, "9" * 5_000, "1e400", "NaN", "fe80::1%eth0", "fe80::1%\nx/64", "::%/0",
    "255.255.255.255/32", "1.2.3.4/33", "1.2.3.4/-1", "0x7f.1", "01.02.03.04/24", "192.168.20.0/255.255.255.0",
    "'; DROP TABLE",
    "/proc/self/ns/net", "/dev/zero", "/etc/passwd\0", "ipvl+0123456789", "di-000000000000",
)  # fmt: skip
NUMBERS = st.sampled_from([0, 1, -1, 2**31, 2**32, 2**63, 2**64, -(2**63), 10**400, 65536, 4095]) | st.integers()

texts = st.sampled_from(KNOWN) | st.sampled_from(HOSTILE) | st.text(max_size=30)
values = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=10,
)


def nested(depth: int, opening: str, closing: str) -> bytes:
    """Return JSON that is nothing but nested."""
    return (opening * depth + closing * depth).encode()


DEEP = [
    nested(depth, opening, closing)
    for depth in (100, 1_000, 5_000, 100_000)
    for opening, closing in (("[", "]"), ('{"a":', "}"), ("[", ""), ('{"Options":', "}"), ('{"Options":{"a":[', "]}}"))
]
SUBNETS = [f"10.{n >> 8}.{n & 255}.0/24" for n in range(30_000)]
LONG = [
    json.dumps({"NetworkID": ID, "IPv4Data": [{"Pool": one} for one in SUBNETS]}).encode(),
    json.dumps({"name": "long", "subnets": SUBNETS}).encode(),
    json.dumps({"name": "long", "subnets": SUBNETS[:1], "reserved": dict.fromkeys(SUBNETS, "10.0.0.1")}).encode(),
    json.dumps({"NetworkID": ID, "Options": {"x" * 500_000: {}}}).encode(),
    b'{"NetworkID": "' + b"x" * (1 << 21) + b'"}',
]  # fmt: skip


names = st.sampled_from(["web", "new1", "new2", "shop", "box"])
ids = st.sampled_from([ID, ID, OTHER_ID, ENDPOINT_ID, OTHER_ENDPOINT_ID, "c" * 64])
options = st.dictionaries(
    st.sampled_from(["parent", "ipvlan_mode", "ipvlan_flag", "mtu"]),
    st.sampled_from(["eth0", "eth1", "eth0.20", "l2", "l3", "bridge", "vepa", "1400"]),
    max_size=2,
)
networks = st.sampled_from(["192.168.20.0/24", "10.9.0.0/16", "10.9.1.7/24", "2001:db8::/64", ""])
addresses = st.sampled_from(["192.168.20.7", "192.168.20.8/24", "192.168.20.1", "10.9.0.9", "2001:db8::7", ""])
attachments = st.fixed_dictionaries(
    {"network": names},
    optional={"ip": addresses, "ip6": addresses, "interface": texts, "aliases": st.lists(names, max_size=2)},
)
HONEST: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("NetworkID", "EndpointID", "id"), ids),
    **dict.fromkeys(("network", "name", "sandbox", "hostname"), names),
    **dict.fromkeys(("SandboxKey", "namespace", "hosts"), st.just(SANDBOX)),
    **dict.fromkeys(("Pool", "SubPool"), networks),
    **dict.fromkeys(("subnets", "ranges"), st.lists(networks, max_size=2)),
    **dict.fromkeys(("process", "supervisor"), st.just(PROCESS)),
    "gateways": st.lists(addresses, max_size=1),
    "reserved": st.dictionaries(names, addresses, max_size=1),
    "Address": addresses,
    "PoolID": st.sampled_from([pool_id(ip_network(one), None, None) for one in ("192.168.20.0/24", "10.9.0.0/16")]),
    "Options": options.map(lambda given: {"com.docker.network.generic": given})
    | st.sampled_from([{}, {"parent": "eth0"}, {"RequestAddressType": "com.docker.network.gateway"}]),
    "options": options,
    "labels": st.dictionaries(names, texts, max_size=2),
    "attachment": attachments,
    "attachments": st.lists(attachments, max_size=2),
    "command": st.lists(texts, max_size=2),
    "Interface": st.fixed_dictionaries(
        {}, optional={"Address": addresses.map(lambda text: text and f"{text[:12]}/24")}
    ),
    "exit_status": st.integers(0, 255),
    "root_filesystem": texts,
    **dict.fromkeys(
        ("IPv4Data", "IPv6Data"),
        st.lists(st.fixed_dictionaries({"Pool": networks}, optional={"Gateway": addresses}), max_size=2),
    ),
    **dict.fromkeys(("V6", "ipv6", "internal", "dry_run", "removed_at_end", "own", "all"), st.booleans()),
}


def field_names(kind: type) -> tuple[str, ...]:
    """Return what the fields of a message are called in JSON."""
    if issubclass(kind, msgspec.Struct):
        return tuple(field.encode_name for field in msgspec.structs.fields(kind))
    return tuple(kind.__dataclass_fields__)


@st.composite
def of_type(draw: st.DrawFn, kind: type) -> dict[str, Any]:
    """Return a body that may be honest but for some of its fields: hostile, of another type, or left out."""
    body = {name: draw(HONEST[name]) for name in field_names(kind) if name in HONEST}
    for name in draw(st.lists(st.sampled_from(field_names(kind) or ("x",)), max_size=2)):
        match draw(st.integers(0, 4)):
            case 0:
                body.pop(name, None)
            case 1:
                body[name] = draw(values)
            case _:
                body[name] = draw(like(body.get(name)))
    return body


def like(honest: object) -> st.SearchStrategy[Any]:
    """Return hostile values of the same type."""
    if isinstance(honest, bool):
        return st.booleans()
    if isinstance(honest, int):
        return NUMBERS
    if isinstance(honest, list):
        return st.lists(like(honest[0]) if honest else texts, max_size=3)
    if isinstance(honest, dict):
        known = {key: st.one_of(st.just(value), like(value)) for key, value in honest.items()}
        return st.fixed_dictionaries(known) if known else st.dictionaries(texts, texts, max_size=3)
    return texts


@dataclass(frozen=True)
class Hostile:
    """A request, to which door, and whether a server that reads all of it can answer."""

    door: str
    request: bytes
    whole: bool = True


FRAMINGS = ("length", "length", "length", "chunked", "one chunk", "too long", "too short", "both", "none")
HEADERS = (
    b"", b"", b"", b"", b"Expect: 100-continue\r\n", b"Upgrade: websocket\r\nConnection: upgrade\r\n", b"X: \x00\r\n",
    b"Content-Type: text/html\r\n", b"Host: [\r\n", b"X-Long: " + b"x" * 30_000 + b"\r\n", b"A: b\r\n" * 2_000,
    b" folded\r\n", b"no colon\r\n", b"Content-Encoding: gzip\r\n",
)  # fmt: skip
HOSTS = (b"ipvl", b"ipvl", b"ipvl", b"", b"[", b"a/b?c#d", b"x" * 5_000, b"\xff")


def framed(
    method: bytes, target: bytes, body: bytes, framing: str, *, host: bytes = b"ipvl", header: bytes = b""
) -> tuple[bytes, bool]:
    """Return a request and whether it is whole."""
    head = method + b" " + target + b" HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n" + header
    length = b"Content-Length: %d\r\n"
    chunks = b"".join(
        b"%x\r\n%s\r\n" % (len(body[at : at + 7]), body[at : at + 7]) for at in range(0, min(len(body), 700), 7)
    )
    match framing:
        case "length":
            return head + length % len(body) + b"\r\n" + body, True
        case "chunked":
            return head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n", True
        case "one chunk":
            return head + b"Transfer-Encoding: chunked\r\n\r\n" + b"%x\r\n" % (len(body) + 3) + body, False
        case "too long":
            return head + length % (len(body) + 5) + b"\r\n" + body, False
        case "too short":
            return head + length % (len(body) // 2) + b"\r\n" + body, True
        case "both":
            return head + length % 3 + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n", True
    return head + b"\r\n" + body, True


PATHS = ("/status", "/status/", "/version?x", "*", "/%00", "/%0a%0d", "/x" * 4_000, "http://other/status", "//", "")
paths = st.sampled_from(PATHS) | st.builds(
    "/events?until=0&{}={}".format,
    st.sampled_from(["since", "until", "network", "type", "x"]),
    st.sampled_from(["nan", "inf", "-1", "0", "x" * 5_000, "%0a", "1e400"]),
)


@st.composite
def bodies(draw: st.DrawFn, kind: type) -> bytes:
    """Return a body: of the right shape, of any shape, cut, nested, long, or no JSON at all."""
    way = draw(st.integers(0, 19))
    if way < 14:
        return json.dumps(draw(of_type(kind))).encode()
    if way < 16:
        return json.dumps(draw(values)).encode()
    if way == 16:
        text = json.dumps(draw(of_type(kind))).encode()
        at = draw(st.integers(0, len(text)))
        return text[:at] + draw(st.binary(max_size=3)) + text[at + 1 :]
    if way == 17:
        return draw(st.sampled_from(DEEP))
    if way == 18:
        return draw(st.sampled_from(LONG)) if draw(st.integers(0, 9)) == 0 else b'{"NetworkID": "\\ud800"}'
    return draw(st.binary(max_size=100))


@st.composite
def hostile_requests(draw: st.DrawFn) -> Hostile:
    """Return requests to either door; two thirds are well-formed HTTP with an existing method."""
    door = draw(st.sampled_from([DOCKER, CONTROL]))
    target = draw(st.sampled_from(sorted(TARGETS[door])))
    body = draw(bodies(TARGETS[door][target]))
    if draw(st.integers(0, 2)):
        request, whole = framed(b"POST", target.encode(), body, "length")
        return Hostile(door, request, whole)
    method = draw(
        st.sampled_from([b"POST", b"POST", b"POST", b"GET", b"PUT", b"FLY", b"OPTIONS", b"post", b"P\xff", b""])
    )
    path = draw(st.sampled_from([target] * 3 + [target + "/", "/" + target, "/../" + target]) | paths)
    request, whole = framed(
        method,
        path.encode(),
        body,
        draw(st.sampled_from(FRAMINGS)),
        host=draw(st.sampled_from(HOSTS)),
        header=draw(st.sampled_from(HEADERS)),
    )
    cut = draw(st.integers(0, 9))
    if cut == 0:
        request, whole = request[: draw(st.integers(0, len(request)))], False
    return Hostile(door, request, whole)
