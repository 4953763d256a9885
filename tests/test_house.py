"""The architecture as tests: who may know whom, and how large a thing may grow."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "relay_gateway"
FILES = sorted(PACKAGE.rglob("*.py"))

WORLD = frozenset(
    (
        "asyncio socket ssl os io pathlib tempfile shutil subprocess signal threading "
        "multiprocessing concurrent sqlite3 redis aiosmtpd aiosmtplib smtplib structlog logging "
        "time random secrets uuid platform click rich pydantic yaml"
    ).split()
)
MAY_KNOW = {
    "core": {"core"},
    "gateway": {"core"},
    "config": {"core", "config"},
    "edge": {"core", "gateway", "edge"},
    "ledgers": {"config", "edge"},
    "app": {"core", "gateway", "config", "edge", "ledgers"},
    "cli": {"core", "gateway", "config", "edge", "ledgers", "app", "cli"},
    "__init__": set(),
    "__main__": {"cli"},
}
MAY_CATCH_ALL = {
    *("gateway.py", "edge/conversation.py", "edge/supervisor.py", "edge/thinkers.py"),
    # The one looks for faults of ours, the other looks into them when the mail is delivered.
    *("core/reproduce.py", "edge/reproducers.py"),
}


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def strangers(source: str, where: str) -> set[str]:
    """What a file of this room imports although it may not."""
    found = set(names(ast.parse(source)))
    ours = {name.split(".")[1] for name in found if name.startswith("relay_gateway.")}
    world = {name.split(".")[0] for name in found} & WORLD if where == "core" else set()
    return (ours - MAY_KNOW[where]) | world


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_knows_only_what_it_may(path):
    assert strangers(path.read_text(), room(path)) == set()


@pytest.mark.parametrize(
    ("where", "planted"),
    [
        ("core", "import os"),
        ("core", "from time import time"),
        ("core", "from relay_gateway.edge import smtp"),
        ("gateway", "from relay_gateway.edge.smtp import FrontEnd"),
        ("config", "from relay_gateway import edge"),
    ],
)
def test_a_planted_import_is_found(where, planted):
    assert strangers(planted, where)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_files_and_functions_stay_small(path):
    source = path.read_text()
    assert source.count("\n") <= 400
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno - node.lineno < 50, node.name


def goes_on(handler: ast.ExceptHandler) -> bool:
    """Whether the handler only tidies up and lets the fault go on."""
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_the_street_catches_everything(path):
    if str(path.relative_to(PACKAGE)) not in MAY_CATCH_ALL:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ExceptHandler) and not goes_on(node):
                caught = ast.unparse(node.type) if node.type else "everything"
                assert caught not in ("everything", "Exception", "BaseException")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_public_name_says_its_promise(path):
    tree = ast.parse(path.read_text())
    for node in [tree, *tree.body]:
        is_public = isinstance(node, ast.Module) or not getattr(node, "name", "_").startswith("_")
        if is_public and isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            assert ast.get_docstring(node), node
