"""What the commands judge mails by: the settings in a file, or a sample where there is none yet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from relay_gateway.cli.screen import BAD_CONFIG, USAGE, Stopped, say
from relay_gateway.config import BadConfig, Config, load, packs
from relay_gateway.config.document import Document
from relay_gateway.config.models import DEFAULT_RULES
from relay_gateway.core import block, words
from relay_gateway.core.decision import Policy
from relay_gateway.core.rules import RuleSet
from relay_gateway.core.tenant import Mode, Tenant

DEFAULT = Path("config/gateway.yaml")
COMMAND = TypeVar("COMMAND", bound=Callable[..., Any])

# Links made with it are for looking at: no gateway takes them for its own.
_SAMPLE_KEY = b"sample key of relay_gateway, for trying out"


@dataclass(frozen=True, slots=True)
class Desk:
    """The companies and rules at hand; there is at least one company."""

    tenants: tuple[Tenant, ...]
    rules: RuleSet
    inspect_size: int

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
        say(f"There is no {DEFAULT}; judged by the shipped rules for a sample company.", "yellow")
        return _sample()
    policy = settings(path).policy
    return Desk(policy.tenants, policy.rules, policy.inspect_size)


def unknown_company(name: str, tenants: tuple[Tenant, ...]) -> Stopped:
    """There is no company of this name; the known ones stand in the sentence."""
    known = ", ".join(tenant.id for tenant in tenants)
    return Stopped(f"There is no company {name}; choose one of: {known}.", USAGE)


def _sample() -> Desk:
    found = packs.read(Document(str(DEFAULT), {}, {}, {}, ()), DEFAULT_RULES)
    if found.rules is None:
        raise Stopped("\n".join(map(str, found.faults)), BAD_CONFIG)
    languages = words.LANGUAGES
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
    return Desk((sample,), found.rules, Policy((), found.rules).inspect_size)
