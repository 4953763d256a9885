"""HTML taken apart into tags and texts by position, as browsers do (WHATWG HTML, 13.2.5).

One pass of patterns that never go back, so the time is linear in the source whatever it holds. What
a browser would read on to the end of the source for (an open tag, comment or style) is `Unfit`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import IntEnum, auto
from html import unescape

from relay_gateway.core.message import Unfit

_MOST_ATTRIBUTES = 200
_LONG_TAG = 800


class Kind(IntEnum):
    """What stands between two positions; `RAW` is text in which `<` opens no tag."""

    TEXT = auto()
    RAW = auto()
    START = auto()
    END = auto()


# An enum's members cost more to look up than a tag to find.
TEXT, RAW, START, END = Kind

# Kind, the name of a tag in lower case, start, end. Plain tuples: a letter has thousands.
Token = tuple[Kind, str, int, int]

_NAME = r"[A-Za-z][^\t\n\f\r />]*+"
_ATTRIBUTE = (
    r"(=[^\t\n\f\r />=]*+|[^\t\n\f\r />=]++)"
    r"(?:[\t\n\f\r ]*+=[\t\n\f\r ]*+"
    r"""(?:"([^"]*+)"|'([^']*+)'|(?=>)|([^\t\n\f\r >"'][^\t\n\f\r >]*+))"""
    r"|(?![\t\n\f\r ]*+=))"
)
_REST = rf"(?:[\t\n\f\r /]++|{_ATTRIBUTE})*+>".replace("([^", "(?:[^").replace("(=", "(?:=")
_MARK = re.compile(
    rf"<(?:({_NAME}){_REST}|/({_NAME}){_REST}"
    r"|!--(?:-?>|.*?--!?>)|!(?!--|\[)[^>]*+>|\?[^>]*+>|/(?![A-Za-z])[^>]*+>"
    r"|(!\[[^>]*+>)|([A-Za-z/!?]))",
    re.DOTALL,
)
_START, _END, _SECTION = 1, 2, 3
_PAIR = re.compile(_ATTRIBUTE)
_TAG_NAME = re.compile(_NAME)

# Word's conditions are comments to a browser, and so is CDATA outside of SVG and MathML.
_KNOWN_SECTION = re.compile(r"!\[[\t\n\f\r ]*(?:(?:if|else|endif)\b|CDATA\[[^>]*\]\]>)", re.I)
_RAW = frozenset("script style title textarea xmp iframe noembed".split())
_RAW_END = {
    name: re.compile(rf"</{name}(?=[\t\n\f\r />])", re.ASCII | re.IGNORECASE) for name in _RAW
}
# In SVG and MathML the same names open ordinary elements, and CDATA is text.
_FOREIGN = frozenset(["svg", "math"])
# Older browsers ignore the other ones in a list of choices.
_RAW_IN_SELECT = frozenset(["script", "textarea"])
_UNREADABLE = frozenset("plaintext noframes frameset".split())
_TELLING = _RAW | _FOREIGN | _UNREADABLE | {"select"}
_SCRIPT_IN_COMMENT = re.compile(r"<!--.*?<script[\t\n\f\r />]", re.ASCII | re.I | re.DOTALL)


def tokens(source: str) -> Iterator[Token]:
    """The tags and texts of an HTML source in order; comments and declarations are passed over."""
    if "\0" in source:
        raise Unfit("HTML with NUL characters")
    at, seen = 0, _Seen()
    names: dict[str, str] = {}
    while mark := _MARK.search(source, at):
        start, end = mark.span()
        if at < start:
            yield TEXT, "", at, start
        at = end
        which = mark.lastindex
        if which is None or which > _END:
            seen.refuse(mark)
            continue
        written = mark[which]
        name = names.get(written) or names.setdefault(written, _lower(written))
        if end - start > _LONG_TAG:
            _measure(source[start:end])
        yield START if which == _START else END, name, start, end
        if name in _TELLING:
            at = seen.tag(source, name, end, is_start=which == _START)
            if at > end:
                yield RAW, name, end, at
    if at < len(source):
        yield TEXT, "", at, len(source)


# 13.2.6.4.1, by what all standards since HTML 4.0 call themselves; 4.01's looser form counts where
# it says where it is written.
_STANDARD = re.compile(
    r"(?:[\t\n\f\r ]++|<!--.*?--!?>)*+<!doctype[\t\n\f\r ]+html[\t\n\f\r ]*"
    r"""(?:>|system[^>]*about:legacy-compat"""
    r"""|public\s*["']-//W3C//DTD[ ](?:XHTML[ ]1\.[01][^>]*//|HTML[ ]4\.01?//"""
    r"""|HTML[ ]4\.01[ ](?:Transitional|Frameset)//[^"'>]*["']\s*["']))""",
    re.ASCII | re.IGNORECASE | re.DOTALL,
)


def is_quirky(source: str) -> bool:
    """Whether browsers read this page in quirks mode: it has no doctype, or an old one."""
    return _STANDARD.match(source) is None


class _Seen:
    """What the tags before say of how the next are read."""

    def __init__(self) -> None:
        self._is_foreign = False
        self._is_in_select = False

    def tag(self, source: str, name: str, end: int, *, is_start: bool) -> int:
        """Where the text ends that belongs to a tag and holds no tags itself."""
        if name in _UNREADABLE:
            raise Unfit("HTML without a readable body")
        if name == "select":
            self._is_in_select = is_start
        self._is_foreign |= name in _FOREIGN
        if not is_start or name not in _RAW:
            return end
        is_foreign = self._is_foreign or (self._is_in_select and name not in _RAW_IN_SELECT)
        return _raw_end(source, name, end, is_foreign)

    def refuse(self, mark: re.Match[str]) -> None:
        """Nothing is said of a marked section that all read alike; the rest is `Unfit`."""
        if mark.lastindex == _SECTION:
            if self._is_foreign or not _KNOWN_SECTION.match(mark[_SECTION]):
                raise Unfit("HTML with a broken declaration")
        elif mark.lastindex is not None:
            is_comment = mark.string.startswith("<!--", mark.start())
            raise Unfit("HTML with an open comment" if is_comment else "HTML with an open tag")


def attributes(tag: str) -> dict[str, str]:
    """The attributes of a tag as it is written, from `<` to `>`; the first of a name counts."""
    name = _TAG_NAME.search(tag)
    found: dict[str, str] = {}
    for match in _PAIR.finditer(tag, name.end() if name else len(tag)):
        value = match[2] or match[3] or match[4] or ""
        found.setdefault(_lower(match[1]), unescape(value) if "&" in value else value)
    return found


def _lower(name: str) -> str:
    """Letters of ASCII alone: `str.lower` makes others into them (U+212A is no `k`)."""
    if name.isascii():
        return name.lower()
    return name.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")


def _measure(tag: str) -> None:
    # Browsers look for each attribute among all those before it.
    if len(attributes(tag)) > _MOST_ATTRIBUTES:
        raise Unfit("a tag with too many attributes")


def _raw_end(source: str, name: str, start: int, is_foreign: bool) -> int:
    """Where the end tag of an element stands whose text holds no tags."""
    closing = _RAW_END[name].search(source, start)
    if closing is None:
        raise Unfit(f"HTML with an open {name}")
    end = closing.start()
    is_tagged = is_foreign and source.find("<", start, end) >= 0
    # 13.2.5.20: a script within a comment within a script has an end tag of its own.
    if is_tagged or (name == "script" and _SCRIPT_IN_COMMENT.search(source, start, end)):
        raise Unfit("HTML whose tags browsers read in two ways")
    return end
