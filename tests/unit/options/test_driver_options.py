"""Options by name: aliases, unknown ones, contradictions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvl.errors import Kind
from ipvl.options.driver_options import NETWORK_OPTIONS, READ_BY_DOCKER, canonical_options
from tests.unit.refusals import refusal

KNOWN = (
    "known options: parent, ipvlan_mode, ipvlan_flag, com.docker.network.driver.mtu, "
    "com.docker.network.container_iface_prefix, conflict_check, com.docker.network.advertise_addr_nmsgs, "
    "com.docker.network.advertise_addr_ms, route, no_default_route, gateway6, metric, host_access, addressing, "
    "vlan_protocol"
)
EVERY_NAME = [
    ("parent", "parent"),
    ("master", "parent"),
    ("host_iface", "parent"),
    ("ipvlan_mode", "ipvlan_mode"),
    ("mode", "ipvlan_mode"),
    ("ipvlan_flag", "ipvlan_flag"),
    ("flag", "ipvlan_flag"),
    ("com.docker.network.driver.mtu", "com.docker.network.driver.mtu"),
    ("mtu", "com.docker.network.driver.mtu"),
    ("com.docker.network.container_iface_prefix", "com.docker.network.container_iface_prefix"),
    ("conflict_check", "conflict_check"),
    ("com.docker.network.advertise_addr_nmsgs", "com.docker.network.advertise_addr_nmsgs"),
    ("com.docker.network.advertise_addr_ms", "com.docker.network.advertise_addr_ms"),
    ("route", "route"),
    ("routes", "route"),
    ("no_default_route", "no_default_route"),
    ("gateway6", "gateway6"),
    ("metric", "metric"),
    ("host_access", "host_access"),
    ("addressing", "addressing"),
    ("vlan_protocol", "vlan_protocol"),
]


@pytest.mark.parametrize(("name", "key"), EVERY_NAME)
def test_every_name_of_an_option_means_the_option(name, key):
    """An option is understood under its own name and under each alias."""
    assert {key: "value"} == canonical_options({name: "value"})


@pytest.mark.parametrize("option", [one for one in NETWORK_OPTIONS if one.switch], ids=lambda one: one.key)
def test_a_switch_that_is_only_named_is_on(option):
    """As in `-o no_default_route`; other options without a value are as if they were not there."""
    assert {option.key: "true"} == canonical_options({option.key: "", "parent": " "})


def test_the_table_has_no_name_that_is_not_tested_here():
    """The list above is complete."""
    names = {(name, option.key) for option in NETWORK_OPTIONS for name in (option.key, *option.aliases)}

    assert set(EVERY_NAME) == names


def test_every_example_is_understood():
    """The example of each option, which refusals and docs show, is itself accepted."""
    for option in NETWORK_OPTIONS:
        key, _, value = option.example.partition("=")

        assert {option.key: value} == canonical_options({key: value})


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("parnet", "did you mean parent? "),
        ("ipvlan-mode", "did you mean ipvlan_mode? "),
        ("Flag", "did you mean flag? "),
        ("com.docker.network.bridge.name", "did you mean com.docker.network.driver.mtu? "),
        ("zzz", ""),
        ("", ""),
    ],
)
def test_an_unknown_option_is_refused_with_the_known_ones(name, hint):
    """A misspelt option is never passed over: the refusal lists what there is and guesses what was meant."""
    assert f"unknown option {name or repr(name)}; {hint}{KNOWN}" == refusal(
        Kind.INVALID, canonical_options, {name: "x"}
    )


def test_an_unknown_option_is_refused_even_without_a_value():
    """`-o parnet=` is a mistake too."""
    assert f"unknown option parnet; did you mean parent? {KNOWN}" == refusal(
        Kind.INVALID, canonical_options, {"parnet": ""}
    )


@pytest.mark.parametrize("name", sorted(READ_BY_DOCKER))
def test_what_docker_itself_obeys_is_passed_over(name):
    """Options that Docker's core reads for every driver are accepted, whatever their type, and mean nothing here."""
    assert {} == canonical_options({name: True})


@pytest.mark.parametrize("empty", ["", " ", "\t\n"])
def test_an_empty_option_is_no_option(empty):
    """`-o parent=` is the same as leaving it out."""
    assert {} == canonical_options({"parent": empty, "mtu": empty})


def test_space_around_a_value_is_dropped():
    """A value that a script padded is the value."""
    assert {"parent": "eth0"} == canonical_options({"parent": " eth0\n"})


@pytest.mark.parametrize("value", [1, True, None, ["eth0"], {"name": "eth0"}])
def test_a_value_that_is_not_text_is_refused(value):
    """JSON lets a client send anything; only text is an option's value."""
    expected = f"option parent is {value!r}, not text; write it as parent=eth0.20"

    assert expected == refusal(Kind.INVALID, canonical_options, {"parent": value})


def test_two_names_of_one_option_may_agree():
    """The same value under two names is one wish."""
    assert {"parent": "eth0"} == canonical_options({"parent": "eth0", "master": "eth0", "host_iface": ""})


@pytest.mark.parametrize(
    ("given_options", "expected"),
    [
        (
            {"parent": "eth0", "master": "eth1"},
            "parent=eth0 and master=eth1 contradict each other; both mean parent: give one",
        ),
        (
            {"parent": "eth0", "master": "eth0", "host_iface": "eth1"},
            "master=eth0 and host_iface=eth1 contradict each other; both mean parent: give one",
        ),
        (
            {"mode": "l2", "ipvlan_mode": "l3"},
            "mode=l2 and ipvlan_mode=l3 contradict each other; both mean ipvlan_mode: give one",
        ),
    ],
)
def test_two_names_of_one_option_may_not_contradict(given_options, expected):
    """Different values under two names are refused, naming both as they were written."""
    assert expected == refusal(Kind.INVALID, canonical_options, given_options)


@given(st.dictionaries(st.sampled_from([name for name, _ in EVERY_NAME]), st.sampled_from(["", "x"])))
def test_options_come_out_by_key_and_never_empty(options):
    """Whatever is given, what comes out has canonical keys and no empty values, and reads the same again."""
    found = canonical_options(options)

    assert set(found) <= {option.key for option in NETWORK_OPTIONS}
    assert "" not in found.values()
    assert found == canonical_options(found)
