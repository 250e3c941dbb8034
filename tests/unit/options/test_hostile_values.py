"""Values that are written like honest ones and are none."""

from __future__ import annotations

import pytest

from ipvl.errors import Kind, quoted
from ipvl.options.driver_options import canonical_options
from ipvl.options.endpoint import parse_endpoint
from ipvl.options.link_names import check_link_name
from ipvl.options.names import check_path
from ipvl.options.network import parse_network
from ipvl.options.pool_options import parse_pool_address, parse_pool_request
from ipvl.options.subnet_flags import subnets_from_flags
from ipvl.options.subnets import MOST_RESERVED, MOST_SUBNETS, SubnetText
from tests.unit.builders import ID, OTHER_ID
from tests.unit.builders import network as built_network
from tests.unit.refusals import refusal

ZONES = ["fe80::1%eth0", "fe80::1%\n10.0.0.1 evil", "fe80::1%x; reboot"]


def make(*subnets: SubnetText) -> object:
    return parse_network(ID, {}, subnets, internal=False, door="docker", created=0.0)


def join(address: str) -> object:
    return parse_endpoint(OTHER_ID, built_network(subnets=("fe80::/64",)), [address], mac="", options={}, changed=0.0)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(
    "use",
    [
        lambda zone: make(SubnetText(f"{zone}/64")),
        lambda zone: make(SubnetText("fe80::/64", gateway=zone)),
        lambda zone: make(SubnetText("fe80::/64", range=f"{zone}/96")),
        lambda zone: make(SubnetText("fe80::/64", reserved=(zone,))),
        lambda zone: join(f"{zone}/64"),
        parse_pool_address,
        lambda zone: parse_pool_request(f"{zone}/64", "", {}, version=6),
        lambda zone: subnets_from_flags([f"{zone}/64"], [], [], {}),
        lambda zone: subnets_from_flags(["fe80::/64"], [zone], [], {}),
        lambda zone: subnets_from_flags(["fe80::/64"], [], [f"{zone}/96"], {}),
        lambda zone: subnets_from_flags(["fe80::/64"], [], [], {"name": zone}),
    ],
)
def test_an_address_has_no_zone(use, zone):
    """Python takes any text after % for one: line ends, too, which then stand in logs and hosts files."""
    sentence = refusal(Kind.INVALID, use, zone)

    assert sentence.isprintable()
    assert "not" in sentence


def subnets(number: int) -> list[str]:
    return [f"10.{index >> 8}.{index & 255}.0/24" for index in range(number)]


def test_a_network_has_no_thousands_of_subnets():
    """Each is compared with each; a mebibyte of them would stop the daemon for hours."""
    expected = "40000 subnets are more than the 256 that a network may have; make several networks"

    assert expected == refusal(Kind.INVALID, make, *map(SubnetText, subnets(40_000)))
    assert expected == refusal(Kind.INVALID, subnets_from_flags, subnets(40_000), [], [], {})


def test_a_network_has_no_tens_of_thousands_of_reserved_addresses():
    """Each is looked for in each subnet."""
    reserved = {f"n{number}": "10.0.0.1" for number in range(30_000)}
    expected = "30000 reserved addresses are more than the 4096 that a network may have; make several networks"

    assert expected == refusal(Kind.INVALID, subnets_from_flags, subnets(1), [], [], reserved)
    assert expected == refusal(Kind.INVALID, make, SubnetText("10.0.0.0/24", reserved=tuple(reserved.values())))


def test_as_many_as_there_may_be_are_taken():
    """Up to the limits it is only work, and not much."""
    made, _ = subnets_from_flags(
        subnets(MOST_SUBNETS), [], [], {f"n{n}": f"10.0.{n % 256}.{n // 256 + 1}" for n in range(MOST_RESERVED)}
    )
    make(*made)

    assert (MOST_SUBNETS, MOST_RESERVED) == (len(made), sum(len(one.reserved) for one in made))


@pytest.mark.parametrize(
    "text", ["all", "default", "..", ".", "", "a/b", "a b", "a\nb", "a\0b", "a%d", "a:1", "x" * 16]
)
def test_a_link_name_is_no_way_to_another_file(text):
    """It becomes part of a path of sysctls; `all` and `default` would be everybody's."""
    refusal(Kind.INVALID, check_link_name, text)


@pytest.mark.parametrize("text", ["", "relative", "../up", "/a\nb", "/a\0b", "/" + "x" * 5_000, "/\x1b[2J"])
def test_a_path_is_absolute_and_printable(text):
    """The daemon's folder is not the caller's, and a path stands in logs."""
    expected = f"hosts file {quoted(text)} is not an absolute path of printable characters"

    assert expected == refusal(Kind.INVALID, check_path, text, "hosts file")


def test_an_options_value_that_is_no_text_is_shown_in_short():
    """However deep or long it is."""
    deep: object = "x" * 10_000
    for _ in range(500):
        deep = {"a": deep}

    sentence = refusal(Kind.INVALID, canonical_options, {"parent": deep})

    assert len(sentence) < 200
    assert sentence.startswith("option parent is {'a': {'a': ")
