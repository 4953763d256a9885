"""The rules of a gateway or a company, where each was written, and what own files changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from relay_gateway.core.rules import Pack, Rule, RuleSet

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Origin:
    """The place in a file where something was written."""

    file: str
    line: int
    is_shipped: bool


@dataclass(frozen=True, slots=True)
class Change:
    """What an own file does to one rule, or to the threshold, of the files before it.

    Without `before` the rule is new; without either rule it is the threshold that changes.
    """

    language: str
    by: Origin
    was: Origin | None = None
    before: Rule | None = None
    after: Rule | None = None
    thresholds: tuple[float, float] = (0.0, 0.0)

    @property
    def is_addition(self) -> bool:
        """Whether nothing of this name was there before."""
        return self.before is None and self.after is not None


@dataclass(frozen=True, slots=True)
class Book:
    """Rules that are ready to judge, and their history.

    `origins` are by language and name; `written` are the packs before weights and states changed.
    """

    rules: RuleSet
    origins: Mapping[Key, Origin]
    changes: tuple[Change, ...] = ()
    written: tuple[Pack, ...] = ()
