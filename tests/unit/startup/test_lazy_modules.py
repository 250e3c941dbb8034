"""Modules that wait until they are used."""

import subprocess
import sys


def test_inspect_is_executed_when_it_is_used():
    """Importing dataclasses does not need it; what looks into it finds everything."""
    code = (
        "import sys\n"
        "from ipvl.startup.lazy_modules import import_when_used\n"
        "import_when_used('inspect')\n"
        "import_when_used('inspect')\n"
        "import dataclasses\n"
        "assert 'ast' not in sys.modules\n"
        "import inspect\n"
        "assert '(words)' == str(inspect.signature(lambda words: words))\n"
        "assert 'ast' in sys.modules\n"
    )

    done = subprocess.run(
        [sys.executable, "-SE", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": ""},
        cwd="src",
    )

    assert (0, "") == (done.returncode, done.stderr)
