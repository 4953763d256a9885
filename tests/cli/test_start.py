"""A command starts with what it needs: the table of contents is complete, and opens one file."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import click
import pytest

from relay_gateway.cli import main
from tests.cli.conftest import run

ROOT = Path(__file__).parents[2]

# What most commands can do without, and what costs most of all that is installed.
SERVING = {"redis", "aiosmtpd", "aiosmtplib", "starlette", "uvicorn", "sqlite3"}
HEAVY = SERVING | {"asyncio", "structlog", "pygments", "relay_gateway.app"}


def loaded(code: str) -> set[str]:
    """The modules in a new process after this code."""
    code += "\nimport sys; print(*sys.modules, sep='\\n')"
    command = [sys.executable, "-c", code]
    return set(subprocess.check_output(command, cwd=ROOT, text=True).split())


def test_the_front_of_the_command_line_loads_nothing_but_click():
    found = loaded("import relay_gateway.cli")
    assert "click" in found
    assert not found & (HEAVY | {"rich", "pydantic", "yaml", "re2"})
    assert {name for name in found if name.startswith("relay_gateway.cli.")} == set()


@pytest.mark.parametrize("name", ["explain", "check", "rewrite", "scan", "block", "redact"])
def test_whoever_judges_letters_loads_no_server(name):
    found = loaded(f"from relay_gateway.cli import main; main.commands[{name!r}].opened()")
    assert "pydantic" in found
    assert not found & HEAVY


@pytest.mark.parametrize("name", ["credits", "statement", "entries", "person", "ledger"])
def test_whoever_reads_the_ledger_loads_no_front_end(name):
    found = loaded(f"import relay_gateway.cli.{name}")
    assert "sqlite3" in found
    assert not found & {"aiosmtpd", "starlette", "uvicorn", "relay_gateway.app"}


@pytest.mark.parametrize("name", main.commands)
def test_a_command_is_what_the_table_says(name):
    command = main.commands[name].opened()
    assert isinstance(command, click.Command)
    assert command.name == name
    begins = main.commands[name].short_help.rstrip(".")
    assert " ".join(command.help.split()).startswith(begins)


def test_help_lists_every_command_with_its_whole_summary():
    shown = " ".join(run("--help").stdout.split())
    for name, command in main.commands.items():
        assert f"{name} {command.short_help}" in shown


def test_every_file_with_a_command_of_its_own_is_in_the_table():
    opened = {main.commands[name].opened() for name in main.commands}
    groups = [command for command in opened if isinstance(command, click.Group)]
    known = opened.union(*(group.commands.values() for group in groups))
    for path in (ROOT / "relay_gateway" / "cli").glob("[!_]*.py"):
        its = vars(import_module(f"relay_gateway.cli.{path.stem}"))
        assert {value for value in its.values() if isinstance(value, click.Command)} <= known


def test_a_misspelt_command_is_told_with_what_was_meant():
    told = run("explian")
    assert told.exit_code == 2
    assert "explain" in told.stderr
