"""What kind of hiring a letter speaks of: it chooses the words; a company may leave kinds out."""

from __future__ import annotations

import re
from collections.abc import Iterable
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


def segments(subject: str, paragraphs: Iterable[str]) -> frozenset[Segment]:
    """The kinds that the subject and the writer's own paragraphs plainly name; `any` if none."""
    # Alternatives say the same, and lists and forms repeat themselves.
    told = tuple(dict.fromkeys((subject, *paragraphs)))[:_MOST]
    text = "\n".join(normal.normalise_all(told))
    named = frozenset(each for each, pattern in _SIGNS.items() if pattern.search(text))
    return named or frozenset([Segment.ANY])


def segment(named: frozenset[Segment]) -> Segment:
    """The one kind whose words suit the letter; `any` where it names several."""
    return next(iter(named)) if len(named) == 1 else Segment.ANY


# Paragraphs; what a letter is about it says long before.
_MOST = 60
# What the letter is about, not what its reader has done: 「アルバイトのご経験」 stands in letters
# to graduates, 「新卒採用のご経験」 in letters to people who change jobs.
_HIRING = (
    "(?:(?:へ?の)?(?:採用|募集|選考|求人|ご?応募|面接|件)|入社|枠|職(?!歴)|のお?仕事)"
    "(?!(?:業務|担当)?(?:の|に)?ご?経験)"
)
_SIGNS = {
    Segment.MID_CAREER: re.compile(
        f"中途{_HIRING}|(?:キャリア|経験者|社会人)(?:採用|入社|募集|選考|枠)|第二新卒"
        "|職務経歴書|転職活動|転職先|ご転職|即戦力"
        r"|\b(?:mid-career|experienced hires?|lateral hires?|career changers?)\b"
    ),
    Segment.NEW_GRADUATE: re.compile(
        f"(?<!第二)新卒者?(?:向け)?{_HIRING}|(?<!第二)新卒の方|新規(?:学|大|高)卒|卒業見込"
        r"|(?<!\d)(?:20)?\d\d年?(?:3月)?(?:新|度)?卒(?!業証)|20\d\d年(?:3月|春)?(?:ご卒業|入社予定)"
        "|学生生活|学生の皆"
        r"|\b(?:new graduates?|graduate (?:scheme|program(?:me)?|role|position|recruitment)"
        r"|(?:campus|university) (?:recruit(?:ment|ing)|hiring)|your studies|class of 20\d\d)\b"
    ),
    Segment.INTERNSHIP: re.compile(
        "インターン(?:シップ)?(?:へ|に|の|選考|応募|参加|生)(?!ご?経験)"
        r"|\b(?:intern(?:ship)?s?)\b"
    ),
    Segment.PART_TIME: re.compile(
        f"アルバイト(?:・?パート)?(?:スタッフ)?{_HIRING}|アルバイトスタッフ(?!の?管理)"
        f"|(?<![ァ-ヴー])パート(?:・?アルバイト|タイム)?(?:社員|スタッフ|職員|従業員)?{_HIRING}"
        "|(?<![ァ-ヴー])パート(?:タイマー|さん|社員|スタッフ|職員|従業員)(?!の?管理)"
        r"|\b(?:part-?time|casual) (?:positions?|roles?|jobs?|work|staff|vacanc(?:y|ies)|openings?"
        r"|team|crew|member)\b"
    ),
    Segment.TEMPORARY: re.compile(
        "派遣(?:社員|スタッフ|登録|就業|のお仕事|先での)(?!の?(?:管理|ご?経験))|紹介予定派遣|職場見学"
        r"|\b(?:temp(?:orary)?|agency) (?:assignments?|workers?|placements?)\b"
    ),
}
