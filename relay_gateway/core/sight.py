"""Proof by a browser's eyes that HTML is what it was, with the block in it for all to see.

lexbor builds the tree that the HTML standard prescribes. Written out again it has an end tag for
each element, so two trees whose text agrees but for one block differ by that block in one place.
Where formatting is left open a browser opens it in the block as well: then all else has to agree.
"""

from __future__ import annotations

import re

from selectolax.lexbor import LexborHTMLParser, LexborNode

from relay_gateway.core.element import FORMATTING, Trait, traits

# Where a block does not belong, whoever put it there.
_CLOSED = frozenset(
    (
        "a button caption datalist dd dl dt frameset h1 h2 h3 h4 h5 h6 head iframe label li "
        "map math menu noembed noframes noscript object ol optgroup option rp rt ruby script "
        "select style summary svg template textarea title ul video audio canvas dir dialog "
        "marquee del s strike xmp"
    ).split()
)
_ROWS = frozenset("table tbody thead tfoot tr".split())
_CELLS = frozenset(["td", "th"])
_UNSAID = frozenset([Trait.HIDDEN, Trait.QUOTE, Trait.ATTRIBUTION, Trait.SIGNATURE])


def is_seen(old: str, new: str, block: str) -> bool:
    """Whether `new` is `old` with the block in one place, where a reader sees it and its link."""
    before, after = LexborHTMLParser(old), LexborHTMLParser(new)
    alone = LexborHTMLParser(f"<!doctype html><body>{block}").body
    if alone is None or after.body is None:
        return False
    links = alone.css("a")
    if len(links) != 1 or not _is_added(before, after, alone):
        return False
    added = [link for link in after.body.css("a") if _says(link) == _says(links[0])]
    return len(added) == 1 and _is_open_to_sight(added[0])


# What says more than words, or does more than to lead somewhere.


def is_relinked(old: str, new: str, gone: tuple[str, ...], come: str) -> bool:
    """Whether `new` is the page `old` but for the addresses `gone`, in their order, now `come`."""
    before, after = (LexborHTMLParser(page).html or "" for page in (old, new))
    first, *rest = after.split(come)
    if len(rest) != len(gone):
        return False
    return before == first + "".join(a + b for a, b in zip(gone, rest, strict=True))


def is_struck(old: str, new: str, gone: tuple[str, ...]) -> bool:
    """Whether `new` is the page `old` with the words `gone` taken out: the same tags, in order."""
    pages = [LexborHTMLParser(page) for page in (old, new)]
    # 13.2.3.5: a browser knows no other newlines.
    gone = tuple(words.replace("\r\n", "\n") for words in gone)
    before, after = (_TAG.findall(page.html or "") for page in pages)
    said, says = (page.body.text() if page.body else "" for page in pages)
    is_shorter = len(said) - len(says) == sum(map(len, gone))
    for words in gone:
        said, says = said.replace(words, ""), says.replace(words, "")
    return before == after and said == says and is_shorter


_TAG = re.compile(r"<[^>]*>")


_FORMATTING = re.compile(
    rf"</?(?:{'|'.join(sorted(FORMATTING - {'a'}))})(?:\s[^>\"]*(?:\"[^\"]*\"[^>\"]*)*)?>"
)


def _is_added(before: LexborHTMLParser, after: LexborHTMLParser, block: LexborNode) -> bool:
    # The newlines around a block may stand inside of its neighbours, which it closes.
    trees = [(tree or "").replace("\n", "") for tree in (before.html, after.html, block.inner_html)]
    if _is_inserted(*trees):
        return True
    return _is_inserted(*(_FORMATTING.sub("", tree) for tree in trees))


def _says(link: LexborNode) -> tuple[str | None, str]:
    """Where a link leads, and under which words."""
    return link.attributes.get("href"), link.text()


def _is_inserted(old: str, new: str, block: str) -> bool:
    if not block or len(new) != len(old) + len(block):
        return False
    at = new.find(block)
    while at >= 0:
        if new[:at] == old[:at] and new[at + len(block) :] == old[at:]:
            return True
        at = new.find(block, at + 1)
    return False


def _is_open_to_sight(link: LexborNode) -> bool:
    has_cell = False
    node = link.parent
    while node is not None and node.tag != "body":
        name = node.tag or ""
        has_cell |= name in _CELLS
        if name in _CLOSED or (name in _ROWS and not has_cell):
            return False
        pairs = {key: value or "" for key, value in node.attributes.items()}
        if not _UNSAID.isdisjoint(traits(name, pairs)):
            return False
        node = node.parent
    return node is not None
