"""Proof that a rewritten mail is the old one with only the block new, by other readers.

What our own reader found and cut is read again with Python's `email` and a browser's parser, and
the block alone with BeautifulSoup. They may not write a mail back unchanged, but they read it
independently of what made the change.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from email.feedparser import FeedParser
from email.message import Message as Reading

from bs4 import BeautifulSoup, NavigableString

from relay_gateway.core import charset, sight
from relay_gateway.core.message import Unfit
from relay_gateway.core.rewrite import Change
from relay_gateway.core.transfer import Cut


@dataclass(frozen=True, slots=True)
class _Leaf:
    media_type: str
    fields: tuple[tuple[str, str], ...]
    payload: str | None
    decoded: bytes


def verify(
    raw: bytes, rewritten: bytes, added: tuple[str, ...], changes: tuple[Change, ...]
) -> str:
    """What else than the changes is new, in fixed words; nothing if all is proved.

    `added` names the header fields that were put on top, in their order.
    """
    if not all(_is_confined(*pair) for pair in _bodies(raw, rewritten, len(added), changes)):
        return "bytes outside the changes are new"
    old, new = _leaves(raw), _leaves(rewritten)
    if len(old) != len(new):
        return "the structure changed"
    top = new[0].fields[: len(added)]
    if tuple(name.lower() for name, _ in top) != added:
        return "the added fields are not on top"
    new[0] = _without(new[0], len(added))
    pairs = [(before, after) for before, after in zip(old, new, strict=True) if before != after]
    if len(pairs) != len(changes):
        return "another part changed"
    faults = (_fault(*pair, change) for pair, change in zip(pairs, changes, strict=True))
    return next(filter(None, faults), "")


def _leaves(raw: bytes) -> list[_Leaf]:
    try:
        return [_leaf(part) for part in _reading(raw).walk()]
    except RecursionError as deep:
        raise Unfit("mails nested too deep for a second reader") from deep
    except (LookupError, ValueError) as odd:
        # `email` decodes by the label that a parameter of an attached mail bears (RFC 2231).
        raise Unfit("a charset that no second reader knows") from odd


def _reading(raw: bytes) -> Reading:
    """What `email` reads, each octet as the character of its number.

    So no octet is lost, no label is believed, and it takes a third of the time that reading bytes
    as ASCII with surrogates does.
    """
    parser = FeedParser()
    parser.feed(raw.decode("latin-1"))
    return parser.close()


def _leaf(part: Reading) -> _Leaf:
    fields = tuple((name, str(value)) for name, value in part.raw_items())
    if part.is_multipart():
        frame = f"{part.preamble}\0{part.epilogue}"
        return _Leaf(part.get_content_type(), fields, frame, b"")
    decoded = part.get_payload(decode=True)
    payload = str(part.get_payload())
    return _Leaf(
        part.get_content_type(), fields, payload, decoded if isinstance(decoded, bytes) else b""
    )


def _without(leaf: _Leaf, count: int) -> _Leaf:
    return _Leaf(leaf.media_type, leaf.fields[count:], leaf.payload, leaf.decoded)


def _fault(old: _Leaf, new: _Leaf, change: Change) -> str:
    if (old.media_type, old.fields) != (new.media_type, new.fields):
        return "a part's own header changed"
    if old.decoded != change.page.text.data:
        return "the readers disagree on the old text"
    if new.decoded != _cut(old.decoded, change):
        return "more than the planned words is new"
    if not _is_written(old.decoded, new.decoded, change):
        return "the new text does not read in its charset"
    if change.page.letter.is_html and not _is_seen(change, new.decoded):
        return "the block is not seen where it was put"
    return ""


def _kept(decoded: bytes, cuts: tuple[Cut, ...]) -> list[bytes]:
    """The old bytes before, between and behind the cuts."""
    edges = [0, *(edge for cut in cuts for edge in (cut.start, cut.end)), len(decoded)]
    return [decoded[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _cut(decoded: bytes, change: Change) -> bytes:
    first, *rest = _kept(decoded, change.cuts)
    pairs = zip(change.cuts, rest, strict=True)
    return b"".join([first, *(piece for cut, kept in pairs for piece in (cut.new, kept))])


def _is_written(old: bytes, new: bytes, change: Change) -> bool:
    """Whether the text is the old one with the new words in it, character by character.

    Each piece is decoded by itself, so a cut inside a character or a shift sequence does not pass.
    """
    codec = change.page.text.codec
    try:
        first, *rest = (charset.decode(kept, codec) for kept in _kept(old, change.cuts))
        gone = [charset.decode(old[cut.start : cut.end], codec) for cut in change.cuts]
        come = [charset.decode(cut.new, codec) for cut in change.cuts]
        return all(
            first + "".join(a + b for a, b in zip(words, rest, strict=True))
            == charset.decode(whole, codec)
            for words, whole in ((gone, old), (come, new))
        )
    except ValueError:
        return False


def _is_seen(change: Change, new: bytes) -> bool:
    """Whether a browser shows the old page without the words for the gateway, and the block or the
    address in it, nothing else.
    """
    old, shown = change.page.text.text, _words(new, change)
    if change.struck:
        bare = _words(_cut(change.page.text.data, _only(change, is_struck=True)), change)
        if not sight.is_struck(old, bare, change.struck):
            return False
        old = bare
    added = _only(change, is_struck=False).cuts
    if change.adds_block:
        block = _words(added[0].new, change)
        return sight.is_seen(old, shown, block) and _is_honest(block)
    gone = tuple(_words(change.page.text.data[cut.start : cut.end], change) for cut in added)
    come = {_words(cut.new, change) for cut in added}
    return sight.is_relinked(old, shown, gone, *come) if come else old == shown


def _only(change: Change, *, is_struck: bool) -> Change:
    """The change with only the cuts that take out words for the gateway, or only the others."""
    cuts = tuple(cut for cut in change.cuts if is_struck is not bool(cut.new))
    return replace(change, cuts=cuts)


def _words(data: bytes, change: Change) -> str:
    return charset.decode(data, change.page.text.codec)


def _is_honest(block: str) -> bool:
    """Whether the one link in it leads where its words say, and nothing in it is code or picture.

    BeautifulSoup reads the block alone: a page would take it longer than all the rest takes.
    """
    # Of two addresses in one tag a browser takes the first; a comment or CDATA is no words to all.
    soup = BeautifulSoup(block, "html.parser", on_duplicate_attribute="ignore")
    links = [(str(link.get("href")), link.get_text()) for link in soup.find_all("a")]
    is_plain = not soup.find_all(["img", "script", "style", "iframe", "form", "input"])
    is_words = all(type(text) is NavigableString for text in soup.find_all(string=True))
    is_one = len(links) == 1 and all(shown == target for target, shown in links)
    return is_plain and is_words and is_one


def _bodies(
    raw: bytes, rewritten: bytes, count: int, changes: tuple[Change, ...]
) -> Iterator[tuple[bytes, bytes, Change | None]]:
    """The changed bodies, old and new, and what stands around them with no change."""
    at, start = 0, 0
    for _ in range(count):
        at = rewritten.find(b"\n", at) + 1
    stops = [*(change.page.part.body.start for change in changes[1:]), len(raw)]
    for change, stop in zip(changes, stops, strict=bool(changes)):
        body = change.page.part.body
        kept = body.start - start
        yield raw[start : body.start], rewritten[at : at + kept], None
        at, start = at + kept, body.end
        behind = raw[start:stop]
        end = rewritten.find(behind, at) if stop < len(raw) else len(rewritten) - len(behind)
        yield raw[body.start : start], rewritten[at:end], change
        at = end
    yield raw[start:], rewritten[at:], None


_LONGEST = {"quoted-printable": 77, "base64": 77}


def _is_confined(old: bytes, new: bytes, change: Change | None) -> bool:
    """Whether the encoded body differs only where it was cut, and no line has grown too long."""
    if change is None or not change.cuts:
        return old == new
    encoding, cuts = change.page.part.encoding, change.cuts
    if any(line.rstrip(b"\r") not in old for line in _long(new, _LONGEST.get(encoding, 999))):
        return False
    head = _shared(old, new)
    if encoding == "base64":
        return head >= cuts[0].start // 3 * 4 and _is_evenly_folded(old, new, head)
    if encoding != "quoted-printable":
        return new == _cut(old, change)
    # An octet takes up to three of the encoded ones, and a soft break three more.
    gone = 4 * (cuts[-1].end - cuts[0].start)
    return head + _shared(old[::-1], new[::-1]) + gone >= len(old)


def _is_evenly_folded(old: bytes, new: bytes, head: int) -> bool:
    """Whether base64 from the first new line on has lines of one length, and ends as before."""
    text = new.rstrip()
    if new[len(text) :] != old[len(old.rstrip()) :]:
        return False
    first, *rest = text[text.rfind(b"\n", 0, head) + 1 :].split(b"\n")
    widths = [len(row) for row in rest[:-1]]
    return len(set(widths)) <= 1 and len(first) >= max(widths, default=0)


def _long(body: bytes, most: int) -> set[bytes]:
    return {line for line in body.split(b"\n") if len(line) > most}


def _shared(one: bytes, other: bytes) -> int:
    """How many octets both begin with."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[:middle] == other[:middle] else (low, middle - 1)
    return low
