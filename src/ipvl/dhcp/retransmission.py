"""How often a client repeats a request that nobody answers, and how long it waits in between, in seconds."""

from __future__ import annotations

FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS = 4.0, 64.0  # RFC 2131, 4.1
SHORTEST_RENEWAL_DELAY_SECONDS = 60.0  # RFC 2131, 4.4.5
DELAY_AFTER_NAK_SECONDS = 1.0
MOST_REQUESTS = 4
"""Requests for an offered address before another discovery (RFC 2131, 3.1)."""
MOST_REBOOT_REQUESTS = 2
"""Requests for an address of before, in INIT-REBOOT, before a discovery."""


def retransmission_delay(sent: int, jitter: float) -> float:
    """Return how long to wait for an answer to a client without a lease: twice as long each time (RFC 2131, 4.1).

    Args:
        sent: how many requests were sent before this one.
        jitter: a random number from -1 to 1, which is added.
    """
    return min(FIRST_DELAY_SECONDS * (1 << min(sent, 10)), LONGEST_DELAY_SECONDS) + jitter


def renewal_delay(now: float, deadline: float) -> float:
    """Return how long to wait when a lease is renewed or rebound: half of what is left (RFC 2131, 4.4.5).

    Args:
        now: seconds since the epoch.
        deadline: when renewing becomes rebinding (T2), or when the lease that is being rebound ends.
    """
    return max((deadline - now) / 2, SHORTEST_RENEWAL_DELAY_SECONDS)
