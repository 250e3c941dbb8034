"""Parents that are described: what is read as a description, and what is not."""

from __future__ import annotations

from contextlib import suppress
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvl.errors import IpvlError, Kind
from ipvl.options.parent_selectors import ParentSelector, parse_parent_selector
from tests.unit.refusals import refusal


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("auto", ParentSelector("auto")),
        ("auto.20", ParentSelector("auto.20", ".20")),
        ("auto.100.20", ParentSelector("auto.100.20", ".100.20")),
        (
            "subnet:192.168.1.0/24",
            ParentSelector("subnet:192.168.1.0/24", subnet=ip_network("192.168.1.0/24")),
        ),
        (
            "subnet:192.168.1.7/24.20",
            ParentSelector("subnet:192.168.1.7/24.20", ".20", subnet=ip_network("192.168.1.0/24")),
        ),
        (
            "subnet:2001:db8:1::/64.20",
            ParentSelector("subnet:2001:db8:1::/64.20", ".20", subnet=ip_network("2001:db8:1::/64")),
        ),
        ("mac:00:50:56:39:45:2E", ParentSelector("mac:00:50:56:39:45:2E", mac="00:50:56:39:45:2e")),
        ("mac:00-50-56-39-45-2e.20", ParentSelector("mac:00-50-56-39-45-2e.20", ".20", mac="00:50:56:39:45:2e")),
    ],
)
def test_a_description_is_read(text, expected):
    """Host bits of a subnet and the spelling of a MAC address do not matter; tags follow a dot."""
    assert expected == parse_parent_selector(text)


@pytest.mark.parametrize("text", ["eth0", "eth0.20", "automatic0", "auto0", "auto.", "auto.x", "mac0", "subnet", ""])
def test_a_name_is_none(text):
    """What only looks a little like a description is the name of a link."""
    assert None is parse_parent_selector(text)


@pytest.mark.parametrize("text", ["subnet:", "subnet:192.168.1.0", "subnet:300.1.1.0/24", "subnet:10.0.0.0/33"])
def test_a_wrong_subnet_is_refused(text):
    """With an example of a right one."""
    expected = (
        f"parent {text} describes no link;"
        " write it like subnet:192.168.1.0/24, or subnet:192.168.1.0/24.20 for its VLAN 20"
    )

    assert expected == refusal(Kind.INVALID, parse_parent_selector, text)


@pytest.mark.parametrize("text", ["mac:", "mac:00:50:56:39:45", "mac:00:50:56:39:45:zz", "mac:00:50:56:39:45:2e.x"])
def test_a_wrong_mac_address_is_refused(text):
    """With an example of a right one."""
    expected = (
        f"parent {text} describes no link;"
        " write it like mac:00:50:56:39:45:2e, or mac:00:50:56:39:45:2e.20 for its VLAN 20"
    )

    assert expected == refusal(Kind.INVALID, parse_parent_selector, text)


@given(st.text(max_size=40) | st.builds("{}{}".format, st.sampled_from(["auto", "subnet:", "mac:"]), st.text()))
def test_any_text_is_a_description_or_a_name_or_refused(text):
    """Nothing else comes of it, whatever a user types."""
    with suppress(IpvlError):
        found = parse_parent_selector(text)
        assert found is None or found.text == text
