"""A YAML file as plain values, with the place of every key and value; what is wrong are faults."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from yaml import CSafeLoader, parse
from yaml.error import MarkedYAMLError
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
)

LARGEST = 1_000_000
DEEPEST = 16

Route = tuple[str | int, ...]
Position = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong in a file, where it stands (from 1), and what to do about it."""

    file: str
    line: int
    column: int
    what: str

    def __str__(self) -> str:
        text = f"{self.file}:{self.line}:{self.column}: {self.what}"
        # A file's own words must neither break the line nor speak to the terminal.
        return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)


@dataclass(frozen=True, slots=True)
class Document:
    """What a file says. A `Route` leads to a value by keys and indexes: `("rules", 3, "says")`.

    `value` is None if the file cannot be read as a mapping; then `faults` say why.
    """

    file: str
    value: Mapping[str, object] | None
    keys: Mapping[Route, Position]
    values: Mapping[Route, Position]
    faults: tuple[Fault, ...]

    def at(self, route: Route, what: str) -> Fault:
        """A fault at the value, or at the nearest thing around it that was written."""
        route = self._written(route)
        places = (self.values.get(route[:size]) for size in range(len(route), 0, -1))
        return Fault(self.file, *next((place for place in places if place), (1, 1)), what)

    def at_key(self, route: Route, what: str) -> Fault:
        """A fault at the key that leads to the value, or at the key that it is missing under."""
        route = self._written(route)
        places = (self.keys.get(route[:size]) for size in range(len(route), 0, -1))
        return Fault(self.file, *next((place for place in places if place), (1, 1)), what)

    def _written(self, route: Route) -> Route:
        """The route as it stands in the file, where a list of one may lack its brackets."""
        written: Route = ()
        for step in route:
            if isinstance(step, str) or (*written, step) in self.values:
                written = (*written, step)
        return written


def read(path: Path) -> Document:
    """The document in a file; never raises for what the file holds or for its absence."""
    text = _text(path)
    if isinstance(text, Fault):
        return Document(str(path), None, {}, {}, (text,))
    building = _Building(str(path), text)
    value = building.document()
    return Document(
        str(path),
        value if isinstance(value, dict) else None,
        building.keys,
        building.values,
        tuple(building.faults),
    )


def _text(path: Path) -> str | Fault:
    file = str(path)
    try:
        with path.open("rb") as source:
            raw = source.read(LARGEST + 1)
    except FileNotFoundError:
        return Fault(file, 1, 1, "the file does not exist; create it, or correct the path to it")
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        return Fault(file, 1, 1, f"the file cannot be read ({reason}); make it readable for us")
    if len(raw) > LARGEST:
        return Fault(file, 1, 1, f"the file is over {LARGEST} bytes; this is no file of settings")
    return _decoded(file, raw)


# YAML 1.2, 5.1: characters that may stand in a stream; but for those that one version takes for a
# line's end and the other does not (5.4), and for marks of byte order within the text (5.2).
_UNPRINTABLE = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)


def _decoded(file: str, raw: bytes) -> str | Fault:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        place = _place(raw[: problem.start].decode("utf-8", "ignore"))
        byte = raw[problem.start]
        return Fault(file, *place, f"byte 0x{byte:02x} is not UTF-8; save the file as UTF-8")
    if found := _UNPRINTABLE.search(text):
        what = f"the invisible character U+{ord(found[0]):04X} stands here; delete it"
        return Fault(file, *_place(text[: found.start()]), what)
    return text


_LINE_END = re.compile("\r\n|\r|\n")


def _place(before: str) -> Position:
    lines = _LINE_END.split(before)
    return len(lines), len(lines[-1]) + 1


class _Mark(Protocol):
    """The parser counts from 0, the index over the whole text."""

    index: int
    line: int
    column: int


class _Stop(Exception):
    """What follows in this file cannot be understood."""


@dataclass(slots=True)
class _Building:
    """Builds values from the parser's events: no recursion deeper than `DEEPEST`, no aliases."""

    file: str
    text: str
    keys: dict[Route, Position] = field(default_factory=dict)
    values: dict[Route, Position] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def document(self) -> object:
        """The one value of the text; None after a fault that hides the rest."""
        try:
            return self._single(parse(self.text, Loader=CSafeLoader))
        except _Stop:
            pass
        except MarkedYAMLError as problem:
            self._syntax(problem)
        return None

    def _single(self, events: Iterator[Event]) -> object:
        starts = (event for event in events if isinstance(event, DocumentStartEvent))
        if next(starts, None) is None:
            raise self._stop((1, 1), "the file is empty; see the sample files in config/")
        first = next(events)
        value = self._value(first, events, ())
        if not isinstance(value, dict):
            raise self._stop(
                self._start(first), "the file must consist of keys and values; write key: value"
            )
        if second := next(starts, None):
            self._fault(self._start(second), "a second document begins here; delete it and the ---")
        return value

    def _value(self, event: Event, events: Iterator[Event], route: Route) -> object:
        place = self._start(event)
        self.values[route] = place
        if len(route) > DEEPEST:
            raise self._stop(place, "values are nested too deeply here; nothing needs that")
        if isinstance(event, AliasEvent) or (isinstance(event, NodeEvent) and event.anchor):
            raise self._stop(
                place, "& and * (anchors) are not read; write the value out in both places"
            )
        if isinstance(event, ScalarEvent):
            return self._scalar(event)
        self._refuse_tag(event)
        if isinstance(event, MappingStartEvent):
            return self._mapping(events, route)
        return self._sequence(events, route)

    def _sequence(self, events: Iterator[Event], route: Route) -> list[object]:
        items: list[object] = []
        while not isinstance(event := next(events), CollectionEndEvent):
            items.append(self._value(event, events, (*route, len(items))))
        return items

    def _mapping(self, events: Iterator[Event], route: Route) -> dict[str, object]:
        """Keys without a value are left out, as if not written: all below may be commented out."""
        members: dict[str, object] = {}
        while not isinstance(event := next(events), CollectionEndEvent):
            key = self._key(event)
            inner = (*route, key)
            place = self._start(event)
            if first := self.keys.get(inner):
                shown = shown_key(key)
                what = f"{shown} stands here again, first on line {first[0]}; delete one of the two"
                self._fault(place, what)
                inner = (*route, f"{key} on line {place[0]}:{place[1]}")
            self.keys[inner] = place
            value = self._value(next(events), events, inner)
            if value is not None:
                members.setdefault(key, value)
        return members

    def _key(self, event: Event) -> str:
        if not isinstance(event, ScalarEvent) or event.anchor:
            raise self._stop(
                self._start(event), "a key must be a word; put the value in quotes if it is one"
            )
        self._refuse_tag(event)
        return str(event.value)

    def _scalar(self, event: ScalarEvent) -> object:
        self._refuse_tag(event)
        text = str(event.value)
        return text if event.style else plain(text)

    def _refuse_tag(self, event: Event) -> None:
        if (tag := getattr(event, "tag", None)) is not None:
            self._fault(self._start(event), f"the tag {tag} is not read; delete it")

    def _syntax(self, problem: MarkedYAMLError) -> None:
        said = str(problem.problem)
        place = self._spot(problem.problem_mark)
        line = _LINE_END.split(self.text)[place[0] - 1]
        if "\t" in line[: max(place[1], len(line) - len(line.lstrip()))]:
            self._fault((place[0], line.index("\t") + 1), "a tab stands here; write spaces instead")
            return
        if place == _place(self.text) and said.startswith(_LACKING):
            said = _ENDED
        if said in _NOTICED_LATER:
            place = self._spot(problem.context_mark)
        advice = next((advice for part, advice in _ADVICE.items() if part in said), None)
        self._fault(place, advice or f"this is not YAML: {said}; check indentation and quotes")

    def _start(self, event: Event) -> Position:
        return self._spot(event.start_mark)

    def _spot(self, mark: _Mark | None) -> Position:
        """Where the parser stands; for it a last line without its end has one more after it."""
        if mark is None or mark.index >= len(self.text):
            return _place(self.text)
        return mark.line + 1, mark.column + 1

    def _fault(self, place: Position, what: str) -> None:
        self.faults.append(Fault(self.file, *place, what))

    def _stop(self, place: Position, what: str) -> _Stop:
        self._fault(place, what)
        return _Stop()


def shown_key(key: str) -> str:
    """The key as it may be written: in quotes unless it is a plain word."""
    return key if re.fullmatch(r"[\w.-]+", key) else json.dumps(key, ensure_ascii=False)


_LACKING = ("did not find expected ','", "did not find expected node content")
_ENDED = "found unexpected end of stream"
_NO_COLON = "could not find expected ':'"
_CUT = "found unexpected document indicator"

# The parser comes to these far below, and tells where the thing began.
_NOTICED_LATER = {_ENDED, _CUT, _NO_COLON}

_NEVER_CLOSED = "what is opened here is never closed; close the quote or bracket"
_MISFIT = "this does not fit the lines above; indent it like its neighbours"
_ADVICE = {
    "mapping values are not allowed": (
        "a colon cannot stand here; indent like the line above, or put the value in quotes"
    ),
    _NO_COLON: "a key without a colon; write key: value, or put the whole value in quotes",
    "cannot start any token": "this character cannot begin a value; put the value in quotes",
    "expected node content": "this character cannot begin a value; put the value in quotes",
    _ENDED: _NEVER_CLOSED,
    _CUT: _NEVER_CLOSED,
    "expected key": _MISFIT,
    "expected '-' indicator": _MISFIT,
    "expected <document start>": _MISFIT,
    "expected ',' or": "the list is not closed; write a comma or the closing bracket",
    "unknown escape character": "a backslash in double quotes; use single quotes for patterns",
    "Unicode character escape": "this is half a character, or none; write the character itself",
    "alphabetic or numeric": (
        "& and * (anchors) are not read; put a value that begins with one in quotes"
    ),
    "comment or line break": "nothing may follow here; put a value with this in quotes",
}

# YAML 1.2, 10.3.2; long numbers stay text, so that no file can make us count for hours.
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}\Z")
_OTHER_INTEGER = re.compile(r"0(?:o[0-7]{1,18}|x[0-9a-fA-F]{1,15})\Z")
_FLOAT = re.compile(
    r"[-+]?(?:\.[0-9]{1,18}|[0-9]{1,18}(?:\.[0-9]{0,18})?)(?:e[-+]?[0-9]{1,2})?\Z", re.I
)
_WORDS: dict[str, bool | None] = {"": None, "~": None}
for _word, _value in (("null", None), ("true", True), ("false", False)):
    _WORDS |= dict.fromkeys((_word, _word.capitalize(), _word.upper()), _value)


def plain(text: str) -> str | int | float | bool | None:
    """The value of an unquoted word by the core schema of YAML 1.2: `on` and `no` are text."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.match(text):
        return int(text)
    if _OTHER_INTEGER.match(text):
        return int(text, 0)
    return float(text) if _FLOAT.match(text) else text
