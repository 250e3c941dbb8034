"""Names of links and interfaces, and texts as they are shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvl.errors import IpvlError, Kind, quoted
from ipvl.options.link_names import check_link_name
from ipvl.options.network import check_id, check_interface_prefix, dummy_name
from tests.unit.builders import ID
from tests.unit.refusals import outcome, refusal

WAY_OUT = "use a name that `ip link` shows, such as eth0, or NAME.VID, such as eth0.20"


@pytest.mark.parametrize("name", ["eth0", "eth0.20", "bond0", "foo", "a", "x" * 15, "é" * 7, "wlp0s20f3", "..."])
def test_what_the_kernel_takes_for_a_link_is_a_name(name):
    """A name that the kernel accepts is accepted, whatever its form."""
    assert name == check_link_name(name)


@pytest.mark.parametrize(
    ("name", "as_shown"),
    [
        ("", "''"),
        (".", "."),
        ("..", ".."),
        ("eth0/1", "eth0/1"),
        ("../eth0", "../eth0"),
        ("eth0:1", "eth0:1"),
        ("eth%d", "eth%d"),
        ("eth 0", "'eth 0'"),
        ("eth0\n", r"'eth0\n'"),
        ("eth\x000", r"'eth\x000'"),
        ("eth\x7f", r"'eth\x7f'"),
        ("eth\u00a00", r"'eth\xa00'"),
    ],
)
def test_what_the_kernel_takes_for_no_link_is_refused(name, as_shown):
    """A name that the kernel refuses or expands is refused here, shown on one line."""
    assert f"{as_shown} is not a link name; {WAY_OUT}" == refusal(Kind.INVALID, check_link_name, name)


@pytest.mark.parametrize("name", ["x" * 16, "é" * 8, "enp129s0f1.4000x"])
def test_a_name_is_measured_in_bytes(name):
    """The kernel has room for 15 bytes, not characters."""
    expected = (
        f"link name {name} is longer than 15 bytes; make the sub-interface by hand under a shorter name and give that"
    )

    assert expected == refusal(Kind.INVALID, check_link_name, name)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_name_is_given_back_as_it_is_or_refused(text):
    """No name is changed on the way, and none gets through that could leave its folder in /sys or the log's line."""
    name = outcome(check_link_name, text)

    if isinstance(name, IpvlError):
        assert str(name).isprintable()
    else:
        assert text == name
        assert 1 <= len(text.encode()) <= 15
        assert not set(text) & set("/:%\n\t \0")
        assert text not in {".", ".."}


@pytest.mark.parametrize("prefix", ["eth", "v", "x" * 12])
def test_an_interface_prefix_leaves_room_for_a_number(prefix):
    """Twelve bytes and the number that Docker appends fit into a link's name."""
    assert prefix == check_interface_prefix(prefix)


def test_a_long_interface_prefix_is_refused():
    """A prefix that leaves no room for three digits is refused."""
    expected = f"interface prefix {'x' * 13} is longer than 12 bytes; a number is appended: use a shorter one"

    assert expected == refusal(Kind.INVALID, check_interface_prefix, "x" * 13)


def test_an_interface_prefix_is_a_link_name():
    """A prefix with a slash would make a name with a slash."""
    assert f"a/b is not a link name; {WAY_OUT}" == refusal(Kind.INVALID, check_interface_prefix, "a/b")


@pytest.mark.parametrize("identity", ["a", ID, "A-b_9", "x" * 128])
def test_an_id_of_letters_digits_hyphen_and_underscore_is_accepted(identity):
    """What every door uses for ids is accepted."""
    assert identity == check_id(identity)


@pytest.mark.parametrize(
    ("identity", "as_shown"),
    [("", "''"), ("-a", "-a"), ("../x", "../x"), ("a b", "'a b'"), ("é", "é"), ("a\n", r"'a\n'")],
)
def test_an_id_of_anything_else_is_refused(identity, as_shown):
    """An id ends up in link names, so it has to be harmless there."""
    expected = f"network id {as_shown} is not made of 1 to 128 letters, digits, - and _"

    assert expected == refusal(Kind.INVALID, check_id, identity)


def test_an_endless_id_is_refused_and_not_repeated_endlessly():
    """A refusal shows the start of what is too long."""
    expected = f"network id {'x' * 57}... is not made of 1 to 128 letters, digits, - and _"

    assert expected == refusal(Kind.INVALID, check_id, "x" * 129)


def test_the_parent_of_an_isolated_network_is_named_after_it():
    """The dummy is called `di-` and the first twelve characters of the network's id, as Docker's own driver does."""
    assert "di-0123456789ab" == dummy_name("0123456789abcdef" * 4)
    assert "di-short" == dummy_name("short")


@given(st.text(max_size=200))
def test_user_input_is_shown_on_one_short_line(text):
    """No input can break a sentence in two or hide something in it."""
    assert quoted(text).isprintable()
    assert 0 < len(quoted(text)) <= 60 * 10 + 2
