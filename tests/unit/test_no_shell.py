"""No user's word ever reaches a shell: ipvl starts none, and starts one program only, the sandbox's."""

from __future__ import annotations

import ast
from pathlib import Path

import ipvl

SOURCE = Path(ipvl.__file__).parent
MODULES = {"subprocess", "commands", "pty", "asyncio.subprocess", "multiprocessing"}
CALLS = {
    "system", "popen", "spawnl", "spawnle", "spawnlp", "spawnv", "spawnve", "spawnvp", "posix_spawn", "posix_spawnp",
    "create_subprocess_exec", "create_subprocess_shell", "subprocess_exec", "subprocess_shell",
    "execl", "execle", "execlp", "execv", "execvp", "execvpe", "eval", "exec", "compile", "__import__",
}  # fmt: skip
BECOMES_THE_PROGRAM = ("sandbox/process.py", "execve")
FINE = {("re", "compile")}


def suspects(tree: ast.AST) -> list[str]:
    """Return what in a module could run a program or a text."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name in MODULES]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module] if node.module in MODULES else []
            found += [alias.name for alias in node.names if alias.name in CALLS and node.module in {"os", "asyncio"}]
        elif isinstance(node, ast.Call):
            found += [keyword.arg for keyword in node.keywords if keyword.arg == "shell"]
            match node.func:
                case ast.Attribute(value=ast.Name(id=owner), attr=name) if (owner, name) in FINE:
                    continue
                case ast.Attribute(attr=name) | ast.Name(id=name) if name in CALLS | {"execve"}:
                    found.append(name)
    return found


def test_no_program_is_run_but_the_sandboxs():
    """One call in all of the source becomes another program, without a shell."""
    found = [
        (str(path.relative_to(SOURCE)), suspect)
        for path in sorted(SOURCE.rglob("*.py"))
        for suspect in suspects(ast.parse(path.read_text()))
    ]

    assert [BECOMES_THE_PROGRAM] == found


def test_a_shell_would_be_found():
    """The search sees what it looks for."""
    text = (
        "import subprocess\nimport os\nos.system('x')\nrun('x', shell=True)\nfrom os import popen\nos.execvp('a', [])"
    )

    assert ["subprocess", "popen", "system", "shell", "execvp"] == sorted(
        suspects(ast.parse(text)), key=["subprocess", "popen", "system", "shell", "execvp"].index
    )
