"""`ipvl`, from arguments to exit status."""

import sys
from errno import EDQUOT, EFBIG, EIO, ENOSPC
from posix import _exit  # `os` would be a tenth of a quick command

from ipvl.launch.quick_commands import run_quick_command

UNWRITABLE = {ENOSPC, EDQUOT, EFBIG, EIO}
"""What a disk says that takes no more of what is printed. Files that ipvl opens have refusals of their own."""
INTERRUPTED = 130
"""What a shell makes of SIGINT, 2; `signal` would be one more import."""


def main() -> int:
    """Run the command line and return its exit status. The quickest commands import nothing but `run_quick_command`."""
    words = sys.argv[1:]
    try:
        text = run_quick_command(words)
        if text is None:
            from ipvl.startup.lazy_modules import import_when_used

            # All that dataclasses wants of it is a docstring for classes that have none.
            import_when_used("inspect")
            from ipvl.launch.command_table import run

            status = run(words)
            sys.stdout.flush()
            return status
        sys.stdout.write(text)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader, such as `head`, has seen enough.
        _write_no_more()
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        _write_no_more()
        return _unwritten(error)
    return 0


def _write_no_more() -> None:
    """Keep Python from complaining again when it flushes at the end."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _unwritten(error: OSError) -> int:
    from ipvl.doors.cli.exit_statuses import print_refusal
    from ipvl.errors import unavailable

    return print_refusal(
        unavailable(f"what this prints cannot be written: {error.strerror}", "what was asked for may be done")
    )


def launch() -> None:
    """Run the command line and end the process. A quick command leaves nothing to tidy up, so Python does not."""
    status = main()
    if "ipvl.launch.command_table" in sys.modules:
        sys.exit(status)
    _exit(status)


if __name__ == "__main__":
    launch()
