"""The shipped words of the offer, put together from parts: language, style, kind of hiring.

They stand under a refusal that somebody has just read. So they are calm and short, judge nobody and
promise nothing; they say that the offer is free and optional, and what is passed on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from relay_gateway.core.segment import Segment


class Style(StrEnum):
    """How much is said: one line above the link, three lines around it, or five."""

    ONE_LINE = "one_line"
    SHORT = "short"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Manner:
    """How a company wants the offer to be said in one language.

    `own_name` is what it calls itself; the shipped one if empty. `operator` names who runs the
    service, `opt_out` is a mail address or a sentence; an empty one adds no line.
    """

    style: Style = Style.FULL
    own_name: str = ""
    operator: str = ""
    opt_out: str = ""
    disclosure: bool = False


@dataclass(frozen=True, slots=True)
class _Topic:
    """What one kind of hiring puts in the place of `{next}`, `{service}` and `{brief}`."""

    next: str
    service: str
    brief: str


@dataclass(frozen=True, slots=True)
class _Language:
    """The parts of one language; `{self}` is what the company calls itself."""

    own_name: str
    styles: Mapping[Style, tuple[str, ...]]
    topics: Mapping[Segment, _Topic]
    operator: str
    disclosure: str
    opt_out: str


# No sign that any of iso-2022-jp, cp932, euc-jp and gbk lacks: no ▶, no ・, no ～, no ㈱. Each line
# leaves room for a company that calls itself by five signs.
_JA = _Language(
    own_name="弊社",
    styles={
        Style.ONE_LINE: (
            "{brief}のご案内（無料、任意。{self}からの紹介とだけ伝わります）",
            "{link}",
        ),
        Style.SHORT: (
            "今後の{next}のご参考までに、{self}の提携先をご案内いたします。",
            "{service}サービス「キャリアリレー」（無料、ご登録は任意です）",
            "{link}",
            "（ご登録の際は、{self}からのご案内であることのみが伝わります。）",
        ),
        Style.FULL: (
            "今後の{next}のお役に立てればと存じ、{self}が提携する{service}",
            "サービス「キャリアリレー」（無料、ご登録は任意です）をご案内いたします。",
            "■キャリアリレーへのご登録とご相談",
            "{link}",
            "（ご登録の際は、{self}からのご案内であることのみが伝わります。",
            "お名前や選考の内容を{self}からお渡しすることはございません。）",
        ),
    },
    topics={
        Segment.ANY: _Topic("キャリア", "キャリア支援", "キャリア支援"),
        Segment.MID_CAREER: _Topic("転職活動", "転職支援", "転職支援"),
        Segment.NEW_GRADUATE: _Topic("就職活動", "キャリア相談", "キャリア相談"),
        Segment.INTERNSHIP: _Topic("就職活動", "キャリア相談", "キャリア相談"),
        Segment.PART_TIME: _Topic("お仕事探し", "お仕事相談", "お仕事相談"),
        Segment.TEMPORARY: _Topic("お仕事探し", "お仕事相談", "お仕事相談"),
    },
    operator="（運営：{operator}）",
    disclosure="（{self}はご案内に応じて、提携先の採用支援を受けることがあります。）",
    opt_out="ご案内が不要な場合のご連絡先： {opt_out}",
)
_EN = _Language(
    own_name="our company",
    styles={
        Style.ONE_LINE: (
            "{brief} (free, optional; they only learn that we sent you):",
            "{link}",
        ),
        Style.SHORT: (
            "If it would help with {next}, our partner CareerRelay offers",
            "{service}, free and optional:",
            "{link}",
            "(If you register, CareerRelay only learns that we pointed you there.)",
        ),
        Style.FULL: (
            "If it would help with {next}, our partner CareerRelay offers",
            "{service}, free and optional.",
            "Register or ask for advice at CareerRelay:",
            "{link}",
            "(If you register, CareerRelay only learns that we pointed you there.",
            "We do not pass on your name or anything about your application.)",
        ),
    },
    topics={
        Segment.ANY: _Topic(
            "your next step", "career advice and support with your job search", "Career advice"
        ),
        Segment.MID_CAREER: _Topic(
            "your next move", "career advice and support with changing jobs", "Career advice"
        ),
        Segment.NEW_GRADUATE: _Topic(
            "your job search", "career advice for students and graduates", "Career advice"
        ),
        Segment.INTERNSHIP: _Topic(
            "your job search", "career advice for students and graduates", "Career advice"
        ),
        Segment.PART_TIME: _Topic("your job search", "advice on finding work", "Job advice"),
        Segment.TEMPORARY: _Topic("your job search", "advice on finding work", "Job advice"),
    },
    operator="(Operated by {operator})",
    disclosure="(For referrals we may receive hiring support from this partner.)",
    opt_out="To receive no such offers: {opt_out}",
)
_LANGUAGES = {"ja": _JA, "en": _EN}
LANGUAGES = tuple(_LANGUAGES)
_MAILBOX = re.compile(r"[!-~]+@[!-~]+")
_SLOT = re.compile(r"\{(?:self|next|service|brief|operator|opt_out)\}")


def own_name(language: str, manner: Manner) -> str:
    """What the company calls itself, which may stand for its name; empty in other languages."""
    if language not in _LANGUAGES:
        return manner.own_name
    return manner.own_name or _LANGUAGES[language].own_name


def lines(language: str, segment: Segment, manner: Manner) -> tuple[str, ...]:
    """The shipped words for letters of this kind, with the lines that the company added."""
    its = _LANGUAGES[language]
    topic = its.topics[segment]
    values = {
        "{self}": own_name(language, manner),
        "{next}": topic.next,
        "{service}": topic.service,
        "{brief}": topic.brief,
    }
    main = tuple(_filled(line, values) for line in its.styles[manner.style])
    return (*main, *added(language, manner))


def added(language: str, manner: Manner) -> tuple[str, ...]:
    """The lines below the link that the company asked for: operator, disclosure, opt-out."""
    its = _LANGUAGES.get(language, _BARE)
    values = {
        "{self}": own_name(language, manner),
        "{operator}": manner.operator,
        "{opt_out}": manner.opt_out,
    }
    wanted = (
        its.operator if manner.operator else "",
        its.disclosure if manner.disclosure else "",
        _opt_out(its, manner.opt_out),
    )
    return tuple(_filled(line, values) for line in wanted if line)


# In another language than ours the company's own words stand as they are.
_BARE = _Language("", {}, {}, "{operator}", "", "{opt_out}")


def _opt_out(its: _Language, given: str) -> str:
    if not given:
        return ""
    return its.opt_out if _MAILBOX.fullmatch(given) else "{opt_out}"


def _filled(line: str, values: Mapping[str, str]) -> str:
    return _SLOT.sub(lambda slot: values[slot[0]], line)
