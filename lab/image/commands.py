"""Runs the builder's commands and keeps all they print in one log."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from lab.errors import SetupFailed
from lab.hosttools import SEARCH_PATH


class Commands:
    """A context manager that owns the log file."""

    def __init__(self, log: Path) -> None:
        """Start a new log at `log`."""
        log.parent.mkdir(parents=True, exist_ok=True)
        self._log = log.open("w")

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the log."""
        self._log.close()

    def run(self, *command: str | Path, cwd: Path | None = None, environment: Mapping[str, str] | None = None) -> None:
        """Run `command` to its end, output to the log.

        Raises:
            SetupFailed: it ended with a status other than 0; the text has its last line of complaint.
        """
        self._run(command, cwd, environment, stdin="", keep_stdout=False)

    def feed(self, text: str, *command: str | Path, cwd: Path | None = None) -> None:
        """Run `command` with `text` as its input; raises as `run` does."""
        self._run(command, cwd, None, stdin=text, keep_stdout=False)

    def output(self, *command: str | Path) -> str:
        """Run `command` and return its standard output; raises as `run` does."""
        return self._run(command, None, None, stdin="", keep_stdout=True)

    def _run(
        self,
        command: Sequence[str | Path],
        cwd: Path | None,
        environment: Mapping[str, str] | None,
        *,
        stdin: str,
        keep_stdout: bool,
    ) -> str:
        words = [str(word) for word in command]
        self._log.write(f"$ {shlex.join(words)}\n")
        self._log.flush()
        began = self._log.tell()
        done = subprocess.run(
            words,
            cwd=cwd,
            env={**os.environ, "PATH": SEARCH_PATH, "LC_ALL": "C.UTF-8", **(environment or {})},
            input=stdin,
            stdout=subprocess.PIPE if keep_stdout else self._log,
            stderr=self._log,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise SetupFailed(f"{words[0]} failed with status {done.returncode}: {self._complaint(began)}")
        return done.stdout or ""

    def _complaint(self, began: int) -> str:
        """Return the first line that reads like an error, or the last line, of what was logged since `began`."""
        with Path(self._log.name).open(errors="replace") as log:
            log.seek(began)
            lines = [line.strip() for line in log if line.strip()]
        errors = [line for line in lines if line.startswith(("E:", "ERROR", "error"))]
        return (errors or lines[-1:] or ["it printed nothing"])[0]
