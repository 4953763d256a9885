"""What the commands judge mails by: the settings in a file, or a sample where there is none yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import click

from relay_gateway.cli import phrases
from relay_gateway.cli.screen import BAD_CONFIG, NO_INPUT, USAGE, Stopped, say
from relay_gateway.config import BadConfig, Config, document, load, packs
from relay_gateway.config.book import Book
from relay_gateway.config.document import Document
from relay_gateway.config.models import DEFAULT_RULES
from relay_gateway.core import block
from relay_gateway.core.decision import Policy
from relay_gateway.core.rules import RuleSet
from relay_gateway.core.tenant import Mode, Tenant

DEFAULT = Path("config/gateway.yaml")
COMMAND = TypeVar("COMMAND", bound=Callable[..., Any])

# Links made with it are for looking at: no gateway takes them for its own.
_SAMPLE_KEY = b"sample key of relay_gateway, for trying out"


@dataclass(frozen=True, slots=True)
class Desk:
    """The companies and rules at hand; there is at least one company.

    `book` tells of the gateway's rules, `books` of those of companies that have their own.
    """

    tenants: tuple[Tenant, ...]
    rules: RuleSet
    inspect_size: int
    book: Book
    books: Mapping[str, Book] = field(default_factory=dict)

    def company(self, name: str | None) -> Tenant:
        """The company of this name, or the first; an unknown name stops the command."""
        if name is None:
            return self.tenants[0]
        found = next((tenant for tenant in self.tenants if tenant.id == name), None)
        if found is None:
            raise unknown_company(name, self.tenants)
        return found


def config_option(command: COMMAND) -> COMMAND:
    """`-c FILE`, the same in all commands."""
    return click.option(
        "-c",
        "--config",
        "path",
        type=click.Path(path_type=Path),
        default=None,
        metavar="FILE",
        help=f"The gateway's settings.  [default: {DEFAULT}]",
    )(command)


def settings(path: Path | None) -> Config:
    """The settings, or all that is wrong with them on standard error and exit status 78."""
    try:
        return load(path or DEFAULT)
    except BadConfig as refusal:
        raise Stopped("\n".join(map(str, refusal.faults)), BAD_CONFIG) from refusal


def desk(path: Path | None) -> Desk:
    """The companies and rules of the settings; a sample company if no file is named or found."""
    if path is None and not DEFAULT.exists():
        say(phrases.NO_CONFIG(path=DEFAULT), "yellow")
        return _sample()
    config = settings(path)
    policy = config.policy
    return Desk(policy.tenants, policy.rules, policy.inspect_size, config.book, config.books)


def with_rules(bench: Desk, name: str) -> Desk:
    """The desk with other rules: of a gateway's file, or of a rules file or folder for everybody.

    The name of a shipped pack does as well.
    """
    path = Path(name)
    if path.is_file() and _is_gateway(path):
        return desk(path)
    book = rules_of(name)
    tenants = tuple(replace(tenant, rules=None) for tenant in bench.tenants)
    return replace(bench, tenants=tenants, rules=book.rules, book=book, books={})


def rules_of(name: str) -> Book:
    """The rules of a file, of all files in a folder, or of a shipped pack."""
    found = packs.read_files(rules_files(name))
    if found.book is None:
        raise Stopped("\n".join(map(str, found.faults)), BAD_CONFIG)
    return found.book


def rules_files(name: str) -> tuple[Path, ...]:
    """The rules files that a path or the name of a shipped pack stands for."""
    path = Path(name)
    if path.is_dir():
        files = sorted(each for each in path.iterdir() if each.suffix in (".yaml", ".yml"))
        if not files:
            raise Stopped(f"No rules file stands in {name}; name another folder.", NO_INPUT)
        return tuple(files)
    shipped = packs.SHIPPED / f"{name}.yaml"
    if not path.exists() and path.name == name and shipped.is_file():
        return (shipped,)
    if not path.exists():
        words = f"There is no file {name}; name a rules file, a folder, or a shipped pack."
        raise Stopped(words, NO_INPUT)
    return (path,)


def _is_gateway(path: Path) -> bool:
    """Whether a file holds a gateway's settings, not rules."""
    value = document.read(path).value or {}
    return any(key in value for key in ("listen", "companies", "next_hop"))


def unknown_company(name: str, tenants: tuple[Tenant, ...]) -> Stopped:
    """There is no company of this name; the known ones stand in the sentence."""
    known = ", ".join(tenant.id for tenant in tenants)
    return Stopped(f"There is no company {name}; choose one of: {known}.", USAGE)


def _sample() -> Desk:
    found = packs.read(Document(str(DEFAULT), {}, {}, {}, ()), DEFAULT_RULES)
    if found.book is None:
        raise Stopped("\n".join(map(str, found.faults)), BAD_CONFIG)
    rules = found.book.rules
    languages = tuple(pack.language for pack in rules.packs)
    sample = Tenant(
        id="sample",
        name="Sample Inc.",
        mode=Mode.LIVE,
        domains=frozenset(),
        addresses=frozenset(),
        internal_domains=frozenset(),
        link="https://careerrelay.jp/c/sample",
        languages=languages,
        keys=(_SAMPLE_KEY,),
        wordings={language: block.default(language) for language in languages},
    )
    return Desk((sample,), rules, Policy((), rules).inspect_size, found.book)
