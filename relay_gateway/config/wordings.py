"""A company's words for the offer: read, put together, and looked over before they go out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from relay_gateway.config.company import BlockFile, CompanyFile, OwnWords
from relay_gateway.config.document import Document, Fault, Route
from relay_gateway.core import block, words
from relay_gateway.core.block import Wording
from relay_gateway.core.segment import Segment
from relay_gateway.core.words import Manner


@dataclass(frozen=True, slots=True)
class Found:
    """The wordings by language; what has to be changed in them, and what may stay at a price."""

    wordings: Mapping[str, Wording]
    faults: tuple[Fault, ...]
    cautions: tuple[Fault, ...]


def read(found: Document, file: CompanyFile) -> Found:
    """The words of a company in each of its languages."""
    wordings: dict[str, Wording] = {}
    faults: list[Fault] = [*_bad_self(found, file)]
    cautions: list[Fault] = []
    for language in dict.fromkeys((*file.languages, *file.block.own)):
        manner = _manner(file.block, language)
        own = _own(file.block.own.get(language))
        faults += [*_bad_words(found, file, language, own), *_bad_added(found, file, language)]
        cautions += _cautions(found, file, language, own)
        try:
            wordings[language] = block.compose(language, manner, own)
        except KeyError:
            what = f"no block is shipped in {language}; write your own under block: {language}:"
            faults.append(found.at(_lacking(file, language), what))
    return Found(wordings, tuple(faults), tuple(cautions))


def _lacking(file: CompanyFile, language: str) -> Route:
    if language in file.block.own:
        return ("block", language)
    return ("languages", file.languages.index(language))


def _manner(file: BlockFile, language: str) -> Manner:
    return Manner(
        style=file.style,
        own_name=(file.own_name or "") if language == "ja" else "",
        operator=_said(file.operator, language),
        opt_out=_said(file.opt_out, language),
        disclosure=file.disclosure,
    )


def _said(texts: Mapping[str, str], language: str) -> str:
    return texts.get(language, texts.get("any", "")).strip()


def _own(file: OwnWords | None) -> dict[Segment, tuple[str, ...]]:
    """The lines that the company has written itself, by kind of hiring."""
    texts = {kind: getattr(file, kind) for kind in Segment} if file else {}
    return {
        kind: tuple(text.strip("\n").split("\n"))
        for kind, text in texts.items()
        if text is not None
    }


def _route(found: Document, language: str, kind: Segment) -> Route:
    """Where the words stand: under their kind, or as a text alone."""
    route = ("block", language, str(kind))
    return route if route in found.values else route[:-1]


def _bad_self(found: Document, file: CompanyFile) -> Iterator[Fault]:
    name = file.block.own_name or ""
    for complaint in block.lint_line(name, name):
        yield found.at(("block", "self"), complaint)


def _bad_words(
    found: Document, file: CompanyFile, language: str, own: Mapping[Segment, tuple[str, ...]]
) -> Iterator[Fault]:
    for kind, lines in own.items():
        for complaint in block.lint(Wording(lines), language, file.name):
            yield found.at(_route(found, language, kind), complaint)


def _bad_added(found: Document, file: CompanyFile, language: str) -> Iterator[Fault]:
    """The lines that the company asked for are said in every language, each on one line."""
    for key, texts in (("operator", file.block.operator), ("opt_out", file.block.opt_out)):
        text = _said(texts, language)
        if texts and not text:
            yield found.at(
                ("block", key), f"nothing is written for {language}; add {language}: ..."
            )
        for complaint in block.lint_line(_line(language, key, text), text):
            yield found.at(_added_route(found, key, language), complaint)
    if file.block.disclosure and language not in words.LANGUAGES:
        what = f"no such line is shipped in {language}; write it into block: {language}: yourself"
        yield found.at(("block", "disclosure"), what)


def _line(language: str, key: str, text: str) -> str:
    manner = Manner(operator=text) if key == "operator" else Manner(opt_out=text)
    return "".join(words.added(language, manner))


def _added_route(found: Document, key: str, language: str) -> Route:
    return ("block", key, language if ("block", key, language) in found.values else "any")


def _cautions(
    found: Document, file: CompanyFile, language: str, own: Mapping[Segment, tuple[str, ...]]
) -> Iterator[Fault]:
    """What some mails cannot hold: own words give way, lines that were asked for do not."""
    its = file.block
    safely = "they get the shipped words instead" if language in words.LANGUAGES else _UNTOUCHED
    for kind, lines in own.items():
        for sign in block.cautions("".join(lines), language):
            yield found.at(_route(found, language, kind), f"{sign}; {safely}, or replace it")
    for key, texts in (("operator", its.operator), ("opt_out", its.opt_out)):
        for sign in block.cautions(_said(texts, language), language):
            where = _added_route(found, key, language)
            yield found.at(where, f"{sign}; {_UNTOUCHED}, so better replace it")
    if language == "ja":
        for sign in block.cautions(its.own_name or "", language):
            yield found.at(("block", "self"), f"{sign}; they say {_JA} instead, or replace it")


_UNTOUCHED = "they pass untouched"
_JA = words.own_name("ja", Manner())
