"""Which language the commands speak: Japanese where the user's locale is, else English."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click

COMMAND = TypeVar("COMMAND", bound=Callable[..., Any])

_KEY = "relay_gateway.lang"
# The first that says anything decides (POSIX, XBD 8.2).
_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")


@dataclass(frozen=True, slots=True)
class Said:
    """The same words in both languages; as text they are those of the user."""

    en: str
    ja: str

    def __str__(self) -> str:
        return self.ja if language() == "ja" else self.en

    def __call__(self, **facts: object) -> str:
        """The words with facts at their places."""
        return str(self).format(**facts)


def language() -> str:
    """`ja` or `en`: what `--lang` says, or else the locale."""
    context = click.get_current_context(silent=True)
    asked = context.meta.get(_KEY) if context else None
    named = asked or next((os.environ[each] for each in _VARIABLES if os.environ.get(each)), "")
    return "ja" if named.startswith("ja") else "en"


def _remember(context: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    if value:
        context.meta[_KEY] = value


def lang_option(command: COMMAND) -> COMMAND:
    """`--lang`, the same in all commands that speak both languages."""
    return click.option(
        "--lang",
        type=click.Choice(["ja", "en"]),
        expose_value=False,
        is_eager=True,
        callback=_remember,
        help="Speak Japanese or English.  [default: by LC_ALL, LC_MESSAGES, LANG]",
    )(command)
