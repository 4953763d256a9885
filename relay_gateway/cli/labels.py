"""What people say mails are, and how well the gateway's decisions agree with them."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import sqrt
from pathlib import Path

from relay_gateway.cli.screen import NO_INPUT, Stopped
from relay_gateway.core.judge import Finding

_LABELS = {"rejection": True, "other": False}


@dataclass(frozen=True, slots=True)
class Labels:
    """Whether mails are rejections, by path and id, by path alone, or by id alone."""

    both: Mapping[tuple[str, str], bool]
    paths: Mapping[str, bool]
    ids: Mapping[str, bool]

    def of(self, path: str, its_id: str) -> bool | None:
        """Whether this mail is a rejection; None if nobody has said so."""
        where, name = os.path.realpath(path), _bare(its_id)
        for found in (self.both.get((where, name)), self.ids.get(name), self.paths.get(where)):
            if found is not None:
                return found
        return None


@dataclass(frozen=True, slots=True)
class Rate:
    """So many of so many, and the bounds within which the true rate lies with 95 % (Wilson)."""

    good: int
    all: int

    @property
    def value(self) -> float:
        """The rate itself."""
        return self.good / self.all if self.all else 0.0

    @property
    def bounds(self) -> tuple[float, float]:
        """E. B. Wilson, Probable inference, 1927; holds for few mails and for rates of 0 and 1."""
        if not self.all:
            return 0.0, 1.0
        z, n, p = 1.959964, self.all, self.value
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        reach = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        # What floating point loses at 0 and 1 must not leave the rate outside.
        return min(max(middle - reach, 0.0), p), max(min(middle + reach, 1.0), p)


@dataclass(slots=True)
class Agreement:
    """Counts of decisions against labels: an insert of a rejection is right."""

    right: int = 0
    wrong: int = 0
    missed: int = 0
    unlabelled: int = 0

    def add(self, finding: Finding, is_rejection: bool | None) -> None:
        """One more mail."""
        is_insert = finding is Finding.INSERT
        self.unlabelled += is_rejection is None
        self.right += is_insert and is_rejection is True
        self.wrong += is_insert and is_rejection is False
        self.missed += not is_insert and is_rejection is True

    @property
    def precision(self) -> Rate:
        """How many of the inserts are rejections."""
        return Rate(self.right, self.right + self.wrong)

    @property
    def recall(self) -> Rate:
        """How many of the rejections are inserts."""
        return Rate(self.right, self.right + self.missed)


def read(path: Path) -> Labels:
    """The labels in a file of JSON lines or of CSV with a header: path or id or both, and label.

    Paths begin at the folder of the file.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        words = f"The labels {path} cannot be read ({reason}); name another file."
        raise Stopped(words, NO_INPUT) from problem
    both: dict[tuple[str, str], bool] = {}
    paths: dict[str, bool] = {}
    ids: dict[str, bool] = {}
    for number, row in _rows(path, text):
        where, name = row.get("path", ""), _bare(row.get("id", ""))
        label = row.get("label", "").strip().lower()
        if label not in _LABELS or not (where or name):
            words = "write path or id, and label: rejection or other"
            raise Stopped(f"{path}:{number}: this is no label; {words}.", NO_INPUT)
        if where and name:
            both[_real(path, where), name] = _LABELS[label]
        elif where:
            paths[_real(path, where)] = _LABELS[label]
        else:
            ids[name] = _LABELS[label]
    return Labels(both, paths, ids)


def _rows(path: Path, text: str) -> Iterator[tuple[int, Mapping[str, str]]]:
    if not text.lstrip().startswith("{"):
        for row in (reader := csv.DictReader(text.splitlines())):
            yield reader.line_num, {str(key): value or "" for key, value in row.items()}
        return
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as problem:
            words = f"{path}:{number}: this is no JSON; write one object a line."
            raise Stopped(words, NO_INPUT) from problem
        found = row if isinstance(row, dict) else {}
        yield number, {key: str(value) for key, value in found.items()}


def _real(path: Path, where: str) -> str:
    return os.path.realpath(path.parent / where)


def _bare(name: str) -> str:
    """An id with or without the brackets of a Message-ID."""
    return name.strip().removeprefix("<").removesuffix(">")
