"""`ipvl`, from arguments to exit status."""

import sys
from posix import _exit  # `os` would be a tenth of a quick command

from ipvl.glance import glance

INTERRUPTED = 130
"""What a shell makes of SIGINT, 2; `signal` would be one more import."""


def main() -> int:
    """Run the command line and return its exit status. The quickest commands import nothing but the glance."""
    words = sys.argv[1:]
    try:
        text = glance(words)
        if text is None:
            from ipvl.lazy_modules import import_when_used

            # All that dataclasses wants of it is a docstring for classes that have none.
            import_when_used("inspect")
            from ipvl.commands import run

            return run(words)
        sys.stdout.write(text)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        import os

        # The reader, such as `head`, has seen enough; Python must not complain again when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def launch() -> None:
    """Run the command line and end the process. After a glance nothing is left to tidy up, so Python does not."""
    status = main()
    if "ipvl.commands" in sys.modules:
        sys.exit(status)
    _exit(status)


if __name__ == "__main__":
    launch()
