"""Log lines for a terminal and for the journal."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping

JOURNAL_PRIORITY = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
"""syslog(3) levels: what systemd reads from `<N>` at the start of a line (sd-daemon(3))."""


class JournalFormatter(logging.Formatter):
    """Lines with a priority and no time, which the journal adds; each line of a traceback gets the priority too."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as the journal takes it."""
        prefix = f"<{JOURNAL_PRIORITY.get(record.levelno, 6)}>"
        return "\n".join(prefix + line for line in super().format(record).splitlines())


def set_up_logs(level: str, environment: Mapping[str, str]) -> None:
    """Send the log to standard error: with times on a terminal or in a file, with priorities under systemd."""
    handler = logging.StreamHandler(sys.stderr)
    if "JOURNAL_STREAM" in environment:
        handler.setFormatter(JournalFormatter("%(message)s"))
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("pyroute2").setLevel(logging.WARNING)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
