"""The environment variables of a sandbox's program, as Docker's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def program_environment(
    given: Sequence[str], hostname: str, *, terminal: bool, inherited: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return a sandbox's environment as Docker's: PATH, HOSTNAME, TERM on a terminal, HOME, and what `-e` gives.

    Args:
        given: NAME=VALUE texts; others are passed over.
        hostname: what the sandbox calls itself.
        terminal: whether the program has one.
        inherited: what the sandbox's own program was given, for one more beside it.
    """
    base = {"PATH": PATH, "HOSTNAME": hostname, "HOME": "/root", **(inherited or {})}
    if terminal:
        base["TERM"] = "xterm"
    return base | dict(one.split("=", 1) for one in given if "=" in one)


def with_own_values(given: Sequence[str], own: Mapping[str, str]) -> list[str]:
    """Return what `-e` gives, each NAME alone with this process's own value; one that has none is left out."""
    return [one if "=" in one else f"{one}={own[one]}" for one in given if "=" in one or one in own]
