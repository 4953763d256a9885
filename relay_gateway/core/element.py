"""What the start tag of an HTML element tells: whether it breaks a line, hides, quotes or signs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from relay_gateway.core.markup import attributes

VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())
BLOCK = frozenset(
    (
        "address article aside blockquote body caption center dd details dialog dir div dl dt "
        "fieldset figure footer form frameset h1 h2 h3 h4 h5 h6 header hr html li main menu "
        "nav noscript ol p pre section summary table tbody td tfoot th thead tr ul"
    ).split()
)
# Around these a reader has more to do than to open and to close.
_ODD = BLOCK | VOID | {"a", "head"}
APART = frozenset("p h1 h2 h3 h4 h5 h6 ul ol dl blockquote pre table hr".split())
# What stays in force when the block around it ends before it does (WHATWG HTML, 13.2.4.3).
FORMATTING = frozenset("a b big code em font i nobr s small strike strong tt u".split())
_UNSEEN = frozenset(
    "head style script title textarea template select option rt rp iframe noembed xmp".split()
)
_HIDDEN = re.compile(
    r"display:none|visibility:(?:hidden|collapse)|mso-hide:all"
    r"|(?:font-size|opacity):0(?![.\d]*[1-9])|(?:left|right|top|text-indent):-\d{3}"
)
# Preheaders, and words for screen readers alone.
_CLIPPED = re.compile(r"overflow(?:-[xy])?:(?:hidden|clip)")
_NO_ROOM = re.compile(r"(?:^|;)(?:max-)?(?:height|width):[01](?:px)?(?:!important)?(?:;|$)")
_NO_MARGIN = re.compile(r"\bmargin(?:-top|-bottom)?\s*:\s*0\w*(?:\s+0\w*)*\s*(?:;|$)")


# A named tuple is made in a third of the time: a letter has hundreds.
class Element(NamedTuple):
    """An open HTML element; `start` is the offset of its start tag and tells it from its likes.

    `ends_item` tells that its start tag was also the end of an open list item or table cell,
    `is_hidden` that what stands in it is not shown, `is_preformatted` that newlines of the source
    are seen in it.
    """

    tag: str
    attributes: tuple[tuple[str, str], ...]
    start: int
    ends_item: bool = False
    is_hidden: bool = False
    is_preformatted: bool = False

    def attribute(self, name: str) -> str:
        """The attribute's value in lower case, or nothing."""
        return dict(self.attributes).get(name, "").lower()


class Trait:
    """What is true of all that stands in an element.

    Strings that no tag can have for its name; an `Enum` would cost more to look up than all else.
    """

    HIDDEN = "is hidden"
    PREFORMATTED = "is preformatted"
    QUOTE = "is a quote"
    ATTRIBUTION = "says whose the quote is"
    SIGNATURE = "is a signature"
    FORMATTING = "is formatting"


# The elements that others ask for: tags that these imply or that stand in these alone.
COUNTED = frozenset("head p li dt dd table tr td th select".split())
# For end tags, which have no attributes: the trait of those of their name that stand apart.
STANDS_APART = {name: f"{name} stands apart" for name in APART}


@dataclass(frozen=True, slots=True)
class Tag:
    """A start tag as it is written, wherever it stands.

    `is_apart` tells that a margin separates its element from what stands above, `opens_history`
    that all that follows is an older mail, `opens_signature` that it is the writer's signature.
    `is_plain` tells that it does nothing but open: no line ends there, nothing else is closed.
    """

    name: str
    attributes: tuple[tuple[str, str], ...]
    traits: tuple[str, ...]
    is_hidden: bool
    is_preformatted: bool
    is_apart: bool
    opens_history: bool
    opens_signature: bool
    is_plain: bool


def tag(name: str, written: str) -> Tag:
    """What a start tag says, from `<` to `>`."""
    pairs = attributes(written)
    its = traits(name, pairs)
    opens_history = _opens_history(name, pairs)
    opens_signature = name == "a" and pairs.get("name", "").lower() == "_mailautosig"
    is_odd = name in _ODD or (":" in name and written.endswith("/>"))
    return Tag(
        name,
        tuple(pairs.items()),
        its,
        Trait.HIDDEN in its,
        Trait.PREFORMATTED in its,
        STANDS_APART.get(name) in its,
        opens_history,
        opens_signature,
        not (is_odd or opens_history or opens_signature),
    )


def traits(name: str, pairs: dict[str, str]) -> tuple[str, ...]:
    """What is true of all that stands in an element, and its name if that is counted."""
    values = {key: value.lower() for key, value in pairs.items()}
    style = values.get("style", "").replace(" ", "")
    truths = {
        name: name in COUNTED,
        Trait.HIDDEN: name in _UNSEEN or "hidden" in pairs or _is_hidden(style),
        Trait.PREFORMATTED: name == "pre" or "white-space:pre" in style,
        Trait.QUOTE: _is_quote(name, values),
        # Who answers in Thunderbird may go on writing in it.
        Trait.ATTRIBUTION: "moz-cite-prefix" in values.get("class", ""),
        Trait.SIGNATURE: _is_signature(values),
        Trait.FORMATTING: name in FORMATTING,
        STANDS_APART.get(name, ""): _is_apart(name, values),
    }
    return tuple(trait for trait, is_true in truths.items() if is_true)


def _is_hidden(style: str) -> bool:
    if _HIDDEN.search(style):
        return True
    return _CLIPPED.search(style) is not None and _NO_ROOM.search(style) is not None


def _is_apart(name: str, values: dict[str, str]) -> bool:
    """Whether the element stands apart by its margins; Outlook's paragraphs have none."""
    if name != "p":
        return name in APART
    is_mso = "msonormal" in values.get("class", "")
    return not is_mso and _NO_MARGIN.search(values.get("style", "")) is None


_QUOTES = re.compile(
    r"gmail_quote|gmail_attr|gmail_extra|yahoo_quoted|protonmail_quote|zmail_extra"
    r"|moz-forward-container|outlookmessageheader"
)
_SIGNATURES = re.compile(r"gmail_signature|moz-signature|msoautosig|applemailsignature")
_OUTLOOK_SIGNATURE = re.compile(r"\b(?:x_)*(?:ms-outlook-mobile-)?signature\b")
_HISTORY = re.compile(
    r"divrplyfwdmsg|appendonsend|mail-editor-reference-message-container|olk_src_body_section"
)
_OUTLOOK_RULE = re.compile(r"border-top:solid#?(?:e1e1e1|b5c4df|windowtext)")


def _is_quote(name: str, values: dict[str, str]) -> bool:
    if name == "blockquote" or values.get("name") == "quote":
        return True
    return _QUOTES.search(values.get("class", "")) is not None


def _is_signature(values: dict[str, str]) -> bool:
    names = f"{values.get('class', '')} {values.get('id', '')}"
    return (_OUTLOOK_SIGNATURE.search(names) or _SIGNATURES.search(names)) is not None


def _opens_history(name: str, pairs: dict[str, str]) -> bool:
    """Whether all that follows is an older mail (Outlook, OWA and their mobiles)."""
    if name == "a":
        return pairs.get("name", "").lower() == "_mailoriginal"
    style = pairs.get("style", "").lower().replace(" ", "")
    is_ruled = name == "div" and _OUTLOOK_RULE.search(style) is not None
    return is_ruled or _HISTORY.search(pairs.get("id", "").lower()) is not None
