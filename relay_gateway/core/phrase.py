"""Which letters of a mail are the rules' own words, and so may be shown where the others may not.

What stays is what the rules spell out, in the sentences where they speak. What a pattern only
leaves room for is the writer's and goes: "move forward with Taro" keeps all but the name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from functools import lru_cache
from html import unescape
from itertools import pairwise

from relay_gateway.core import normal
from relay_gateway.core.judge import SUBJECT, judge
from relay_gateway.core.letter import Letter, Paragraph
from relay_gateway.core.markup import TEXT, tokens
from relay_gateway.core.message import Message, Unfit
from relay_gateway.core.page import pages
from relay_gateway.core.rules import RuleSet
from relay_gateway.core.subject import subject

# The normal form is asked for once a character; nobody writes paragraphs that are longer.
_LONGEST = 2000


@dataclass(frozen=True, slots=True)
class Phrases:
    """The places of the rules' words: characters of each text part, by where its body starts, and
    characters of the subject, blanks not counted: where they stand depends on how it is encoded.
    """

    bodies: Mapping[int, Set[int]]
    subject: frozenset[int] = frozenset()

    def of(self, body_start: int) -> Set[int]:
        """The places in one part's decoded text."""
        return self.bodies.get(body_start, frozenset())


NONE = Phrases({})


def phrases(message: Message, rules: RuleSet) -> Phrases:
    """The words by which the rules judge this mail; none in what cannot be read."""
    try:
        return _heard(message, rules)
    except Unfit:
        return NONE


# What mail programs write around older mail; without it the older mail would read as new.
_CLIENTS = re.compile(
    r"(?im)\bwrote(?=:[ \t\r]*(?:$|<))|-{2,}[ \t]*(?:original message|forwarded message)"
    r"|^[ \t*]*(?:差出人|送信者|送信日時|宛先|件名|from|sent|date|to|subject|cc)(?=\**[ \t]*[:：])"
    r"|元のメッセージ|さんは書きました"
)


def _heard(message: Message, rules: RuleSet) -> Phrases:
    every = [page for group in pages(message) for page in group]
    title = subject(message)
    found: dict[int, Set[int]] = {}
    told: set[int] = set()
    words = vocabulary(rules)
    for page in every:
        heard: dict[int, set[str]] = {}
        for hit in judge(title, page.letter, rules).hits:
            heard.setdefault(hit.paragraph, set()).add(hit.sentence)
        told |= _counted(title, _kept(title, heard.pop(SUBJECT, ()), words))
        marks = (match.span() for match in _CLIENTS.finditer(page.letter.source))
        places = {at for span in marks for at in range(*span)}
        found[page.part.body.start] = places.union(_places(page.letter, heard, words))
    return Phrases(found, frozenset(told))


def _counted(title: str, kept: set[int]) -> set[int]:
    signs = (at for at, sign in enumerate(title) if not sign.isspace())
    return {number for number, at in enumerate(signs) if at in kept}


def _places(letter: Letter, heard: dict[int, set[str]], words: Vocabulary) -> Iterator[int]:
    for number, spoken in heard.items():
        paragraph = letter.paragraphs[number]
        kept = _kept(paragraph.text, spoken, words)
        for index, span in _written(letter, paragraph):
            if index in kept:
                yield from range(*span)


def _written(letter: Letter, paragraph: Paragraph) -> Iterator[tuple[int, tuple[int, int]]]:
    """Each character of a paragraph that is no blank, and the stretch of the source it is from."""
    signs = _html_signs if letter.is_html else _plain_signs
    source = signs(letter.source, paragraph.start, paragraph.end)
    for index, sign in enumerate(paragraph.text):
        if not sign.isspace():
            place = next((span for its, span in source if its == sign), None)
            if place is None:
                return
            yield index, place


_Sign = tuple[str, tuple[int, int]]


def _plain_signs(source: str, start: int, end: int) -> Iterator[_Sign]:
    return ((source[at], (at, at + 1)) for at in range(start, end))


_SIGN = re.compile(r"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]\w{1,30});?|.", re.DOTALL)


def _html_signs(source: str, start: int, end: int) -> Iterator[_Sign]:
    for kind, _, first, last in tokens(source[start:end]):
        if kind is TEXT:
            for match in _SIGN.finditer(source, start + first, start + last):
                for sign in unescape(match[0]):
                    yield sign, match.span()


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What the rules spell out, in normal form: runs of Japanese or Chinese, single signs of them
    that only count beside a run, and words.
    """

    runs: frozenset[str]
    singles: frozenset[str]
    words: frozenset[str]


_ESCAPED = re.compile(r"\\[pP](?:\{[^}]*\}|\w)|\\x(?:\{[^}]*\}|\w\w)|\\.")
_CLASS = re.compile(r"\[[^\]]*\]|\(\?[a-zA-Z]+|\(\?P?<\w+>|\{[\d,]*\}")
_MAYBE = re.compile(r"(.)(?=[?*])")
_RUN = re.compile(r"[\u3005-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
_WORD = re.compile(r"[^\W\d_\u3005-\u30ff\u3400-\u9fff\uac00-\ud7af]+")


@lru_cache(maxsize=2)
def vocabulary(rules: RuleSet) -> Vocabulary:
    """The words of all rules; a pattern's wildcards and classes of characters add none."""
    runs: set[str] = set()
    words: set[str] = set()
    for text in _spelled(rules):
        runs.update(_RUN.findall(text))
        words.update(_WORD.findall(text))
    return Vocabulary(
        frozenset(run for run in runs if len(run) > 1),
        frozenset(run for run in runs if len(run) == 1),
        frozenset(words),
    )


def _spelled(rules: RuleSet) -> Iterator[str]:
    for rule in (rule for pack in rules.packs for rule in pack.rules):
        yield from map(normal.normalise, rule.words)
        for pattern in (*rule.says, *rule.needs, *rule.unless):
            folded = _ESCAPED.sub(" ", normal.pattern(pattern))
            for match in _CLASS.finditer(folded):
                if match[0].startswith("[") and not match[0].startswith("[^"):
                    yield " ".join(match[0])
            bare = _CLASS.sub(" ", folded)
            yield bare
            # "十分に?" spells 十分 too.
            yield _MAYBE.sub(r" \1 ", bare)


def _kept(text: str, spoken: Iterable[str], words: Vocabulary) -> set[int]:
    """The characters of a text that the rules spell out in the sentences where they speak."""
    whole = normal.normalise(text)
    if len(text) > _LONGEST or not spoken:
        return set()
    marked = bytearray(len(whole) + 1)
    for sentence in spoken:
        start = whole.find(sentence)
        if start >= 0:
            for at in _covered(sentence, words):
                marked[start + at] = 1
    return {index for index, (a, b) in enumerate(_alignment(text)) if any(marked[a:b])}


def _alignment(text: str) -> list[tuple[int, int]]:
    """Which stretch of the normal form each character becomes; one that is merged into others
    shares the last sign of theirs.
    """
    edges = [len(normal.normalise(text[:end])) for end in range(len(text) + 1)]
    for at in range(len(edges) - 2, -1, -1):
        edges[at] = min(edges[at], edges[at + 1])
    return [(a, b) if b > a else (max(a - 1, 0), a) for a, b in pairwise(edges)]


# Nobody is called so alone: 佐藤様 keeps its last sign.
_TITLES = frozenset("様殿")
_NEGATION = re.compile(r"[a-z]{1,6}n(?='t\b)")
_LONGEST_RUN = 16
_BESIDE = 2


def _covered(sentence: str, words: Vocabulary) -> set[int]:
    found: set[int] = set()
    for match in _RUN.finditer(sentence):
        found |= _in_run(match[0], match.start(), words)
    for match in _NEGATION.finditer(sentence):
        found.update(range(*match.span()))
    for match in _WORD.finditer(sentence):
        found.update(range(match.start(), match.start() + _spelled_out(match[0], words)))
    return found


def _in_run(run: str, start: int, words: Vocabulary) -> set[int]:
    kept = {at for at, sign in enumerate(run) if sign in _TITLES & words.singles}
    for at in range(len(run)):
        sizes = range(min(_LONGEST_RUN, len(run) - at), 1, -1)
        longest = next((size for size in sizes if run[at : at + size] in words.runs), 0)
        kept.update(range(at, at + longest))
    # A lone particle says nothing by itself, and may be part of a name.
    for step in (1, -1):
        for at in sorted(kept, reverse=step < 0):
            for beside in range(at + step, at + step * (_BESIDE + 1), step):
                if not 0 <= beside < len(run) or run[beside] not in words.singles:
                    break
                kept.add(beside)
    return {start + at for at in kept}


_SHORTEST_STEM = 4
# What rules write in brackets behind a stem; "she" and "a" do not make Shea a word of theirs.
_ENDINGS = frozenset(
    ["", *"e ed er d n y s es ing ied ies ion ions ication ications ment fully tably".split()]
)


def _spelled_out(word: str, words: Vocabulary) -> int:
    """How many letters of a word, from its first, the rules spell out: all, a stem, or none."""
    stems = [size for size in range(len(word), 0, -1) if word[:size] in words.words]
    if any(word[size:] in _ENDINGS for size in stems):
        return len(word)
    return next((size for size in stems if size >= _SHORTEST_STEM), 0)
