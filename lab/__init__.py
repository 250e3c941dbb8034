"""A real kernel with ipvlan, booted in an emulator, for development and for the tests in tests/lab."""

from .background import Background
from .errors import (
    BootFailed,
    CommandFailed,
    CommandRefused,
    CommandTimeout,
    GuestLost,
    LabError,
    NotSetUp,
    SetupFailed,
)
from .guest import Guest
from .results import Result

__all__ = [
    "Background",
    "BootFailed",
    "CommandFailed",
    "CommandRefused",
    "CommandTimeout",
    "Guest",
    "GuestLost",
    "LabError",
    "NotSetUp",
    "Result",
    "SetupFailed",
]
