"""What kind of hiring a letter speaks of: it chooses the words; a company may leave kinds out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from relay_gateway.core import normal


class Segment(StrEnum):
    """中途, 新卒, インターン, アルバイト・パート, 派遣; `any` where a letter does not say."""

    ANY = "any"
    MID_CAREER = "mid_career"
    NEW_GRADUATE = "new_graduate"
    INTERNSHIP = "internship"
    PART_TIME = "part_time"
    TEMPORARY = "temporary"


def segments(
    subject: str, paragraphs: Iterable[str], forms: normal.Forms | None = None
) -> frozenset[Segment]:
    """The kinds that the subject and the writer's own paragraphs plainly name; `any` if none."""
    # Alternatives say the same, and lists and forms repeat themselves.
    told = tuple(dict.fromkeys((subject, *paragraphs)))[:_MOST]
    text = "\n".join((forms or normal.Forms()).of(tuple(_beginning(told))))
    named = [each for each, signs in _SIGNS.items() if any(sign.stands_in(text) for sign in signs)]
    return frozenset(named or [Segment.ANY])


def segment(named: frozenset[Segment]) -> Segment:
    """The one kind whose words suit the letter; `any` where it names several."""
    return next(iter(named)) if len(named) == 1 else Segment.ANY


@dataclass(frozen=True, slots=True)
class _Sign:
    """Words that name a kind, and the stems of which one is always in them.

    Looking for a stem first is thirty times as fast as trying the pattern at each letter.
    """

    stems: tuple[str, ...]
    pattern: re.Pattern[str]

    def stands_in(self, text: str) -> bool:
        return any(stem in text for stem in self.stems) and self.pattern.search(text) is not None


def _sign(pattern: str, *stems: str) -> _Sign:
    return _Sign(stems, re.compile(pattern))


# Paragraphs, and characters; what a letter is about it says long before.
_MOST = 60
_ENOUGH = 6000


def _beginning(texts: Iterable[str]) -> Iterator[str]:
    room = _ENOUGH
    for text in texts:
        yield text[:room]
        room = max(0, room - len(text))


# What the letter is about, not what its reader has done: 「アルバイトのご経験」 stands in letters
# to graduates, 「新卒採用のご経験」 in letters to people who change jobs.
_HIRING = (
    "(?:(?:へ?の)?(?:採用|募集|選考|求人|ご?応募|面接|件)|入社|枠|職(?!歴)|のお?仕事)"
    "(?!(?:業務|担当)?(?:の|に)?ご?経験)"
)
_SIGNS = {
    Segment.MID_CAREER: (
        _sign(f"中途{_HIRING}", "中途"),
        _sign(
            "(?:キャリア|経験者|社会人)(?:採用|入社|募集|選考|枠)", "キャリア", "経験者", "社会人"
        ),
        _sign("第二新卒|職務経歴書|即戦力", "第二新卒", "職務経歴書", "即戦力"),
        _sign("転職活動|転職先|ご転職", "転職"),
        _sign(
            r"\b(?:mid-career|experienced hires?|lateral hires?|career changers?)\b",
            *("mid-career", "experienced hire", "lateral hire", "career changer"),
        ),
    ),
    Segment.NEW_GRADUATE: (
        _sign(f"(?<!第二)新卒者?(?:向け)?{_HIRING}|(?<!第二)新卒の方", "新卒"),
        _sign(
            r"新規(?:学|大|高)卒|(?<!\d)(?:20)?\d\d年?(?:3月)?(?:新|度)?卒(?!業証)|卒業見込", "卒"
        ),
        _sign(r"20\d\d年(?:3月|春)?(?:ご卒業|入社予定)", "ご卒業", "入社予定"),
        _sign("学生生活|学生の皆", "学生"),
        _sign(
            r"\b(?:new graduates?|graduate (?:scheme|program(?:me)?|role|position|recruitment))\b",
            *("new graduate", "graduate "),
        ),
        _sign(
            r"\b(?:(?:campus|university) (?:recruit(?:ment|ing)|hiring)|your studies"
            r"|class of 20\d\d)\b",
            *("campus ", "university ", "your studies", "class of 20"),
        ),
    ),
    Segment.INTERNSHIP: (
        _sign("インターン(?:シップ)?(?:へ|に|の|選考|応募|参加|生)(?!ご?経験)", "インターン"),
        _sign(r"\bintern(?:ship)?s?\b", "intern"),
    ),
    Segment.PART_TIME: (
        _sign(
            f"アルバイト(?:・?パート)?(?:スタッフ)?{_HIRING}|アルバイトスタッフ(?!の?管理)",
            "アルバイト",
        ),
        _sign(
            "(?<![ァ-ヴー])パート"
            f"(?:(?:・?アルバイト|タイム)?(?:社員|スタッフ|職員|従業員)?{_HIRING}"
            "|(?:タイマー|さん|社員|スタッフ|職員|従業員)(?!の?管理))",
            "パート",
        ),
        _sign(
            r"\b(?:part-?time|casual) (?:positions?|roles?|jobs?|work|staff|vacanc(?:y|ies)"
            r"|openings?|team|crew|member)\b",
            *("part-time ", "parttime ", "casual "),
        ),
    ),
    Segment.TEMPORARY: (
        _sign("派遣(?:社員|スタッフ|登録|就業|のお仕事|先での)(?!の?(?:管理|ご?経験))", "派遣"),
        _sign("紹介予定派遣|職場見学", "派遣", "職場見学"),
        _sign(
            r"\b(?:temp(?:orary)?|agency) (?:assignments?|workers?|placements?)\b",
            *("temp ", "temporary ", "agency "),
        ),
    ),
}
