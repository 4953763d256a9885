"""docs/smtp.md says what is: every reply of ours, command, parameter, keyword, limit and time."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

import relay_gateway
from relay_gateway.config import Limits, Timeouts
from relay_gateway.core import path, xforward
from relay_gateway.edge import login
from relay_gateway.edge.conversation import COMMANDS
from tests.doubles import USUAL, NextServer
from tests.edge.fronts import front

PACKAGE = Path(relay_gateway.__file__).parent
DOC = (PACKAGE.parent / "docs" / "smtp.md").read_text("utf-8")


def section(title: str) -> str:
    return DOC.split(f"\n## {title}\n")[1].split("\n## ")[0]


def cells(text: str, column: int = 0) -> list[str]:
    """What stands in one column of the tables of a section, without their heads."""
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("|")]
    heads = [number for number, row in enumerate(rows) if set(row[0]) <= set("-|")]
    bodies = [row for n, row in enumerate(rows) if n not in heads and n + 1 not in heads]
    return [row[column] for row in bodies]


def named(text: str) -> set[str]:
    """The words in code marks."""
    return set(re.findall(r"`([^`]+)`", text))


def said() -> Iterator[str]:
    """The refusals that the source makes, as far as their words stand there."""
    for file in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            match node:
                case ast.Call(
                    ast.Name("reply"), [ast.Constant(int(code)), ast.Constant(str(text))]
                ) if code >= 400:
                    yield f"{code} {text}"
                case ast.Constant(str(text)) if text.startswith("Syntax: "):
                    yield f"501 5.5.4 {text}"


def test_every_reply_of_ours_is_explained_and_every_one_explained_is_said():
    explained = [cell.strip("`") for cell in cells(section("Replies of our own"))]

    assert set(said()) == set(explained)
    assert len(set(explained)) == len(explained)


def test_the_codes_of_success_are_named():
    calls = [
        node for file in PACKAGE.rglob("*.py") for node in ast.walk(ast.parse(file.read_text()))
    ]
    codes = {
        code
        for node in calls
        if isinstance(node, ast.Call)
        for code in [getattr(node.args[0], "value", None) if node.args else None]
        if getattr(node.func, "id", "") == "reply" and isinstance(code, int) and code < 400
    }

    assert codes <= {int(word) for word in named(section("Replies of our own")) if word.isdigit()}


def test_every_command_is_explained():
    assert {name for cell in cells(section("Commands")) for name in named(cell)} == COMMANDS


def test_every_parameter_is_explained():
    of_mail, of_rcpt = section("Parameters").split("| parameter of `RCPT`")
    for text, known in ((of_mail, path._OF_MAIL), ("|" + of_rcpt, path._OF_RCPT)):
        names = {word.partition("=")[0] for cell in cells(text) for word in named(cell)}
        assert names == {name.decode() for name in known}


async def test_what_is_offered_is_explained():
    everything = USUAL["EHLO"].replace(b"250 ENH", b"250-CHUNKING\r\n250-XCLIENT NAME\r\n250 ENH")
    async with NextServer({"EHLO": everything}) as server, front(server) as front_end:
        client = await front_end.client()
        lines = (await client.ask(b"EHLO client.example")).decode().split("\n")[1:]
        await client.close()
    explained = {word for cell in cells(section("Offered to EHLO")) for word in named(cell)}
    offered = {line[4:].partition(" ")[0] for line in lines}

    assert offered <= explained
    assert explained == offered | {"STARTTLS", "AUTH", "XFORWARD", "REQUIRETLS"}
    assert {login.MECHANISMS, xforward.OFFER.partition(" ")[2]} <= named(section("Offered to EHLO"))


def shown(value: float) -> str:
    """A default as people write it."""
    if value >= 2**20:
        return f"{value // 2**20} MiB"
    return f"{value:g}"


@pytest.mark.parametrize(("group", "settings"), [("limits", Limits), ("timeouts", Timeouts)])
def test_every_limit_and_time_is_there_with_its_default(group, settings):
    text = section("Limits and times")
    told = dict(zip(cells(text), cells(text, 1), strict=True))

    for field in fields(settings):
        default = told[f"`{group}.{field.name}`"]
        assert re.match(rf"{re.escape(shown(field.default))}\b", default), field.name
    names = {f"`{group}.{field.name}`" for field in fields(settings)}
    assert {name for name in told if name.startswith(f"`{group}.")} == names
