"""The words of the command."""

from __future__ import annotations

import argparse
from dataclasses import fields, replace
from pathlib import Path

import pytest

from ipvl import __version__
from ipvl.doors.cli.parser import configuration, parser
from ipvl.options.driver_options import NETWORK_OPTIONS
from ipvl.startup.configuration import Configuration

COMMANDS = (
    *("network", "run", "start", "restart", "exec", "ps", "stop", "rm", "logs", "attach", "detach", "rootfs"),
    *("serve", "status", "topology", "events", "doctor", "version", "completion", "teardown"),
)


def parsed(*words: str) -> argparse.Namespace:
    return parser().parse_args(list(words))


def commands() -> dict[str, argparse.ArgumentParser]:
    (action,) = [one for one in parser()._actions if isinstance(one, argparse._SubParsersAction)]
    return dict(action.choices)


def flags(command: argparse.ArgumentParser) -> list[argparse.Action]:
    return [action for action in command._actions if action.option_strings]


def test_the_commands_are_these():
    """No command is left untested."""
    assert set(COMMANDS) == set(commands())


@pytest.mark.parametrize("command", COMMANDS)
def test_the_top_help_mentions_every_command(command):
    """With a sentence of its own."""
    lines = [line.split() for line in parser().format_help().splitlines()]

    assert any(line[:1] == [command] for line in lines)


@pytest.mark.parametrize("option", NETWORK_OPTIONS, ids=lambda option: option.key)
def test_the_top_help_mentions_every_option_of_a_network(option):
    """With its values and its default."""
    assert f"{option.values} (default: {option.default})" in parser().format_help()
    assert any(line.startswith(f"  {option.key} ") for line in parser().format_help().splitlines())


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_mentions_every_flag_with_a_word_on_it(command):
    """And an example, where there is more than flags to know."""
    help_text = commands()[command].format_help()

    for action in flags(commands()[command]):
        assert action.help
        assert set(action.option_strings) <= set(help_text.replace(",", " ").split())
    assert "example" in help_text


def test_the_daemons_defaults_are_the_configurations():
    """`ipvl serve` without a word more."""
    assert Configuration() == configuration(parsed("serve"))


def test_every_setting_of_the_daemon_has_a_flag():
    """And the flag reaches the setting."""
    words = {
        "state_folder": Path("/srv/state"),
        "docker_socket": Path("/srv/docker.sock"),
        "control_socket": Path("/srv/control.sock"),
        "engine_socket": Path("/srv/engine.sock"),
        "log_level": "debug",
    }
    assert set(words) == {field.name for field in fields(Configuration)}

    line = [word for name, value in words.items() for word in (f"--{name.replace('_', '-')}", str(value))]

    assert Configuration(**words) == configuration(parsed("serve", *line))


def test_settings_that_a_command_has_no_flag_for_keep_their_defaults():
    """`ipvl version` knows the control socket alone."""
    expected = replace(Configuration(), control_socket=Path("/srv/control.sock"))

    assert expected == configuration(parsed("version", "--control-socket", "/srv/control.sock"))


def test_the_state_file_and_its_lock_are_in_the_state_folder():
    """One folder to back up, one to protect."""
    settings = replace(Configuration(), state_folder=Path("/srv/ipvl"))

    assert (Path("/srv/ipvl/state.db"), Path("/srv/ipvl/lock")) == (settings.state_file, settings.lock_file)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["fly"], "argument COMMAND: invalid choice: 'fly'"),
        (["serve", "--log-level", "loud"], "argument --log-level: invalid choice: 'loud'"),
        (["serve", "--state", "/srv"], "unrecognized arguments: --state /srv"),
        (["status", "--js"], "unrecognized arguments: --js"),
        (["status", "web"], "unrecognized arguments: web"),
        (["completion"], "the following arguments are required: shell"),
        (["completion", "fish"], "argument shell: invalid choice: 'fish'"),
    ],
)
def test_words_that_mean_nothing_are_refused(capsys, words, reason):
    """With status 2; a flag that is cut short is no flag, since the next version may have two that begin so."""
    with pytest.raises(SystemExit) as refused:
        parsed(*words)

    assert 2 == refused.value.code
    assert f"error: {reason}" in capsys.readouterr().err


def test_the_version_is_printed(capsys):
    """`ipvl --version`."""
    with pytest.raises(SystemExit) as ended:
        parsed("--version")

    assert 0 == ended.value.code
    assert f"ipvl {__version__}\n" == capsys.readouterr().out
