"""Look at a refusal as a whole: its kind and its sentence."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ipvl.errors import IpvlError, Kind


def refusal(kind: Kind, call: Callable[..., object], *arguments: object, **named: object) -> str:
    """Return the sentence with which a call is refused."""
    with pytest.raises(IpvlError) as refused:
        call(*arguments, **named)
    assert kind is refused.value.kind
    return str(refused.value)


def outcome(call: Callable[..., object], *arguments: object, **named: object) -> object:
    """Return what a call returns, or the refusal it raises: for properties that hold of both."""
    try:
        return call(*arguments, **named)
    except IpvlError as error:
        return error
