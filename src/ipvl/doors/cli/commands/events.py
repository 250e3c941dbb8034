"""`ipvl events`: what happens, while it happens."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from ipvl.clock.host_clocks import epoch_of, wall_clock
from ipvl.doors.cli.flags import add_command, add_control_socket, add_repeatable
from ipvl.driver.events.event_types import EventType
from ipvl.errors import invalid, unavailable
from ipvl.startup.configuration import Configuration

if TYPE_CHECKING:
    from ipvl.doors.cli.flags import Commands

EXAMPLES = """
  ipvl events
  ipvl events --since 10m --network web
  ipvl events --since 1h --until now --type warning --type parent.down
  ipvl events --json | jq -r 'select(.type == "endpoint.joined") | .endpoint'
"""
DESCRIPTION = """
Print what happens, one line an event, until it is interrupted (which is success, status 0) or the daemon stops (status
6). The daemon keeps the last 1000 events of its run for --since. A network or container that Docker makes is called by
its id at first, since Docker tells ipvl its name a moment later. When the host's clock is set, all that is kept is told
and chosen by the clock as it is now. In JSON, times are RFC 3339.
"""


@dataclass(frozen=True, slots=True)
class ToldEvent:
    """What is printed of an event as the daemon tells it; `time` is RFC 3339."""

    time: str
    type: EventType
    text: str


def add_parsers(commands: Commands, _shared: Sequence[argparse.ArgumentParser]) -> None:
    """Add `events` to the commands."""
    events = add_command(
        commands,
        "events",
        "print what happens to networks, endpoints and parents, while it happens",
        DESCRIPTION,
        EXAMPLES,
    )
    events.add_argument(
        "--since", metavar="TIME", help="begin with what is kept since then: 10m (ago), 1h30m, or 2026-11-24T07:01:02"
    )
    events.add_argument("--until", metavar="TIME", help="end then: now, 5m (ago), or 2026-11-24T08:00:00")
    add_repeatable(
        events,
        "--network",
        metavar="NETWORK",
        text="events of this network and its parent only, by name or id (repeatable)",
    )
    events.add_argument(
        "--type",
        action="append",
        default=[],
        metavar="TYPE",
        choices=type_words(),
        help=f"events of this type only (repeatable): {', '.join(type_words())}",
    )
    events.add_argument("--json", action="store_true", help="print each event as a JSON object on a line of its own")
    add_control_socket(events)


def type_words() -> tuple[str, ...]:
    """Return what --type takes: subjects, which stand for all of their types, and types."""
    return tuple(dict.fromkeys(word for type_ in EventType for word in (type_.subject, str(type_))))


def run(arguments: argparse.Namespace, settings: Configuration) -> int:
    """Print events until there are no more; an interrupt is the usual end.

    Raises:
        IpvlError: no daemon runs, it went away, or a time is none.
    """
    import msgspec

    from ipvl.doors.cli.control_client import NoDaemonError, follow

    event = None
    try:
        for line in follow(settings.control_socket, f"/events?{query(arguments, wall_clock())}"):
            event = msgspec.json.decode(line, type=ToldEvent)
            print(line.decode() if arguments.json else event_text(event), flush=True)
    except KeyboardInterrupt:
        return 0
    except NoDaemonError:
        raise unavailable(
            f"no daemon at {settings.control_socket}, and only a daemon has events", "start it: systemctl start ipvl"
        ) from None
    if event is not None and event.type is EventType.DAEMON_STOPPING:
        raise unavailable("the daemon has stopped, so there are no more events")
    return 0


def query(arguments: argparse.Namespace, now: float) -> str:
    """Return the arguments as the control door takes them.

    Raises:
        IpvlError: a time is none, or the end is before the beginning.
    """
    from ipvl.doors.cli.times import parse_time

    words = [(key, value) for key in ("network", "type") for value in getattr(arguments, key)]
    times = {key: parse_time(getattr(arguments, key), now) for key in ("since", "until") if getattr(arguments, key)}
    if times.get("until", float("inf")) < times.get("since", 0.0):
        raise invalid(f"--until {arguments.until} is before --since {arguments.since}", "exchange them")
    return urlencode([*words, *((key, repr(value)) for key, value in times.items())])


def event_text(event: ToldEvent) -> str:
    """Return an event as one line: the local time and the sentence, which may not break it."""
    from ipvl.doors.cli.times import local_time_text

    return f"{local_time_text(epoch_of(event.time))} {' '.join(event.text.split())}"
