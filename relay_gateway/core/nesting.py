"""Which HTML elements are open, as a browser has them: implied ends, misnesting, what goes on."""

from __future__ import annotations

from collections import defaultdict

from relay_gateway.core.element import BLOCK, COUNTED, FORMATTING, Element, Tag, Trait
from relay_gateway.core.message import Unfit

MAX_OPEN = 200

# Where else these stand, browsers ignore their tags.
ONCE = {"html": (), "head": ("html",), "body": ("html", "head")}
_CELLS = frozenset("td th caption".split())
_TABLE = frozenset("table tbody thead tfoot tr".split())
# What a start tag closes although its end tag may be left out (WHATWG HTML, 13.1.2.4).
_CLOSES = {
    "li": ("li", "p"),
    "dt": ("dt", "dd", "p"),
    "dd": ("dt", "dd", "p"),
    "td": ("td", "th", "p"),
    "th": ("td", "th", "p"),
    "tr": ("tr", "td", "th", "p"),
}
_PARAGRAPH = ("p",)
_FENCE = frozenset(
    "table td th caption body html select template button object marquee applet".split()
)
_ITEMS = frozenset(["li", "dt", "dd"])
_LIST_FENCE = BLOCK - {"address", "div", "p"}
_IN_SELECT = frozenset("select optgroup option hr script template".split())
_IN_TABLE_ONLY = _CELLS | (_TABLE - {"table"})

_Open = tuple[Tag, int, bool]


class Nesting:
    """The open elements, outermost first; `tally` says how many have a name or a trait.

    Whoever misnests can have the open elements searched anew for each tag, by us and by browsers,
    which open formatting again in each block: after `patience` steps the HTML is `Unfit`.
    In quirks mode (13.2.6.4.7) a table may stand in a paragraph.
    """

    def __init__(self, patience: int, *, is_quirky: bool = False) -> None:
        self.tally: defaultdict[str, int] = defaultdict(int)
        self._open: list[_Open] = []
        self._around: tuple[Element, ...] = ()
        self._patience = patience
        self._is_carrying = False
        self._is_quirky = is_quirky

    def is_innermost(self, name: str) -> bool:
        """Whether the element that was opened last has this name."""
        return bool(self._open) and self._open[-1][0].name == name

    def around(self) -> tuple[Element, ...]:
        """The open elements as they stand now."""
        known = len(self._around)
        if known < len(self._open):
            self._around += tuple([_element(*it) for it in self._open[known:]])
        return self._around

    def ignores(self, name: str) -> bool:
        """Whether browsers ignore a tag of this name here; `Unfit` where only some of them do."""
        if self.tally["select"] and name not in _IN_SELECT:
            # Older browsers ignore them, newer ones let choices hold what they will.
            raise Unfit("HTML whose tags browsers read in two ways")
        return name in _IN_TABLE_ONLY and not self.tally["table"]

    def is_again(self, name: str) -> bool:
        """Whether it is the start tag of a part of the document that has begun before."""
        return any(tag.name not in ONCE[name] for tag, _, _ in self._open)

    def open(self, tag: Tag, start: int, *, ends_item: bool = False) -> None:
        """Open an element whose start tag stands at `start`."""
        self._open.append((tag, start, ends_item))
        for trait in tag.traits:
            self.tally[trait] += 1
        if len(self._open) > MAX_OPEN:
            raise Unfit("HTML nested too deep")

    def imply(self, name: str) -> bool:
        """End what the start tag of a block ends; whether that was more than a paragraph."""
        if self._is_carrying:
            self._tire(self.tally[Trait.FORMATTING])
        if name == "noscript" or (name == "table" and self._is_quirky):
            return False
        closes = _CLOSES.get(name, _PARAGRAPH)
        if not self.tally["p"] and (closes is _PARAGRAPH or not any(map(self.tally.get, closes))):
            return False
        closed = set()
        fence = _LIST_FENCE if name in _ITEMS else _FENCE
        for tag, _, _ in reversed(self._open[:]):
            self._tire(1)
            if tag.name in closes:
                self.close(tag.name)
                closed.add(tag.name)
            elif tag.name in fence:
                break
        return not closed <= {"p"}

    def close(self, name: str) -> None:
        """Close as browsers do: misnested blocks stay open, and unclosed formatting goes on."""
        if self._open and self._open[-1][0].name == name:
            self._pop()
            return
        if name in COUNTED and not self.tally[name]:
            return
        for depth in range(len(self._open) - 1, -1, -1):
            it = self._open[depth][0].name
            if it == name:
                above = self._open[depth + 1 :]
                self._cut(depth)
                self._reopen(name, above)
                return
            self._tire(1)
            is_passed = it in _FENCE and name not in _TABLE
            if is_passed or (it in BLOCK and name not in BLOCK and name not in FORMATTING):
                return

    def _pop(self) -> None:
        for trait in self._open.pop()[0].traits:
            self.tally[trait] -= 1
        if len(self._around) > len(self._open):
            self._around = self._around[:-1]

    def _cut(self, depth: int) -> None:
        for tag, _, _ in self._open[depth:]:
            for trait in tag.traits:
                self.tally[trait] -= 1
        del self._open[depth:]
        if len(self._around) > depth:
            self._around = self._around[:depth]

    def _reopen(self, name: str, above: list[_Open]) -> None:
        for tag, start, ends_item in _still_open(name, above):
            self._is_carrying = True
            self.open(tag, start, ends_item=ends_item)

    def _tire(self, steps: int) -> None:
        self._patience -= steps
        if self._patience < 0:
            raise Unfit("HTML too entangled")


def _element(tag: Tag, start: int, ends_item: bool) -> Element:
    return Element(tag.name, tag.attributes, start, ends_item, tag.is_hidden, tag.is_preformatted)


def _still_open(name: str, above: list[_Open]) -> list[_Open]:
    if name in _CELLS or name in _TABLE:
        return []
    if name == "form":
        return above
    blocks = [depth for depth, (tag, _, _) in enumerate(above) if tag.name in BLOCK]
    inner = blocks[0] if name in FORMATTING and blocks else len(above)
    return [it for it in above[:inner] if it[0].name in FORMATTING] + above[inner:]
