"""What a program is given."""

from __future__ import annotations

from ipvl.sandbox.environment import PATH, program_environment, with_own_values


def test_the_environment_is_dockers():
    """PATH, HOSTNAME and HOME, TERM on a terminal, and what is given over all of it."""
    assert {"PATH": PATH, "HOSTNAME": "one", "HOME": "/root"} == program_environment((), "one", terminal=False)
    given = program_environment(("HOME=/srv", "A=b=c"), "one", terminal=True)
    assert {"PATH": PATH, "HOSTNAME": "one", "HOME": "/srv", "TERM": "xterm", "A": "b=c"} == given


def test_one_more_program_has_what_the_first_was_given():
    """And its own on top."""
    found = program_environment(("B=2",), "one", terminal=False, inherited={"PATH": "/opt", "A": "1", "B": "1"})

    assert ("/opt", "1", "2") == (found["PATH"], found["A"], found["B"])


def test_a_name_alone_takes_the_users_own_value():
    """One that the user has not is left out."""
    assert ["A=1", "B=2", "C="] == with_own_values(["A=1", "B", "NOPE", "C="], {"A": "0", "B": "2"})
