"""CPU of judging, by the kind of mail and by its length: `python benchmarks/judging.py`."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import TypeVar

sys.path.insert(0, str(Path(__file__).parent.parent))

from relay_gateway.core import normal
from relay_gateway.core.decision import Policy, decide
from relay_gateway.core.judge import Verdict, judge
from relay_gateway.core.letter import read_html, read_plain
from relay_gateway.core.message import Unfit
from relay_gateway.core.rules import RuleSet, Where, sentences
from tests.conftest import ACME, envelope
from tests.rulebook import shipped

T = TypeVar("T")
ROUNDS = 60
SIZES = (1, 10, 100, 1000)

REFUSAL = (
    "佐藤様",
    "このたびは弊社の求人にご応募いただき、誠にありがとうございました。",
    "慎重に選考を進めましたが、誠に残念ながら採用を見送らせていただくこととなりました。",
    "末筆ながら、佐藤様の今後のご活躍をお祈り申し上げます。",
)
TALK = (
    "選考の過程では、多くの方とお話しする機会をいただきました。",
    "お忙しい中お時間をいただきましたことに、担当者一同お礼を申し上げます。",
)
BUSINESS = (
    "来週の打ち合わせの資料をお送りいたしますので、ご確認のほどよろしくお願いいたします。",
    "会場は先日と同じ三階の会議室で、受付で名前をお伝えください。",
)


def lines(kilobytes: float, filler: tuple[str, ...], *around: str) -> list[str]:
    """Lines of about this size in UTF-8: what is said, and small talk in the middle of it."""
    room = kilobytes * 1024 - sum(len(line.encode()) + 2 for line in around)
    middle = len(around) - 1
    talk: list[str] = []
    while room > 0:
        talk += filler
        room -= sum(len(line.encode()) + 2 for line in filler)
    return [*around[:middle], *talk, *around[middle:]]


def plain(said: list[str]) -> str:
    """A paragraph every three lines."""
    rows = [line + ("\r\n" if number % 3 == 2 else "") for number, line in enumerate(said)]
    return "\r\n".join(rows) + "\r\n"


def page(said: list[str]) -> str:
    """The markup of a web mail of Outlook's."""
    row = '<div style="font-family:Meiryo; font-size:11pt" class="elementToProof">%s</div>\r\n'
    return f"<html><body>{''.join(row % line for line in said)}</body></html>\r\n"


def mail(text: str, markup: str = "") -> bytes:
    """A mail to one applicant, with or without an alternative in HTML."""
    message = EmailMessage(policy=SMTP.clone(cte_type="8bit"))
    message["From"], message["To"] = "saiyo@acme.example", "taro@gmail.example"
    message["Subject"], message["Message-ID"] = "資料の件", "<1@acme.example>"
    message.set_content(text, cte="8bit")
    if markup:
        message.add_alternative(markup, subtype="html", cte="8bit")
    return bytes(message)


def cost(work: Callable[[], T], rounds: int = ROUNDS) -> tuple[float, T]:
    """Microseconds of CPU, the median of many rounds, and what came of it."""
    seconds = []
    for _ in range(rounds):
        start = time.process_time()
        came = work()
        seconds.append(time.process_time() - start)
    return statistics.median(seconds) * 1e6, came


def verdict(text: str, rules: RuleSet) -> str:
    """What is said of a plain letter, or why it is not read."""
    try:
        said: Verdict = judge("", read_plain(text), rules)
    except Unfit as why:
        return f"Unfit: {why}"
    return said.reason


def unlimited(text: str, rules: RuleSet) -> int:
    """Normal form, sentences and rules on the bare words, however many; how often a rule spoke."""
    said = normal.sentences(normal.normalise(text))
    whole = sentences([(sentence, Where.BODY) for sentence in said])
    return sum(
        len(each) for one in rules.readers for each in one.hear(whole, one.sift(whole.whole))
    )


def letters(rules: RuleSet) -> None:
    """Letters that turn somebody down: read and judged."""
    said = plain(lines(3, TALK, *REFUSAL))
    markup = page(lines(12 * 0.6, TALK, *REFUSAL))
    print(f"{'letter, read and judged':34}{'bytes':>9}{'µs CPU':>10}")
    spent, found = cost(lambda: judge("", read_plain(said), rules))
    print(f"{'Japanese, plain':34}{len(said.encode()):9}{spent:10.0f}  {found.reason}")
    spent, found = cost(lambda: judge("", read_html(markup), rules))
    print(f"{'Japanese, HTML':34}{len(markup.encode()):9}{spent:10.0f}  {found.reason}")


def passing(rules: RuleSet) -> None:
    """Mail that is no rejection, which is nearly all mail: the whole decision."""
    policy = Policy((ACME,), rules)
    short, long = lines(3, BUSINESS, ""), lines(4, BUSINESS, "")
    print(f"\n{'other mail, the whole decision':34}{'bytes':>9}{'µs CPU':>10}")
    for name, raw in {
        "plain": mail(plain(short)),
        "text and HTML": mail(plain(long), page(long)),
    }.items():
        spent, decision = cost(lambda raw=raw: decide(envelope(), raw, policy))
        print(f"{name:34}{len(raw):9}{spent:10.0f}  {decision.reason}")


def lengths(rules: RuleSet) -> None:
    """Linear in the text; a letter that is too long for one is refused before it is judged."""
    print(f"\n{'KB of text':>10}{'read, judged':>14}{'µs/KB':>8}{'no limit':>12}{'µs/KB':>8}")
    for size in SIZES:
        text = plain(lines(size, TALK, *REFUSAL))
        kilobytes = len(text.encode()) / 1024
        rounds = max(3, ROUNDS // size)
        spent, reason = cost(lambda text=text: verdict(text, rules), rounds)
        bare, _ = cost(lambda text=text: unlimited(text, rules), rounds)
        print(
            f"{kilobytes:10.0f}{spent:14.0f}{spent / kilobytes:8.0f}"
            f"{bare:12.0f}{bare / kilobytes:8.0f}  {reason}"
        )


def main() -> None:
    """Print the tables."""
    rules = shipped()
    letters(rules)
    passing(rules)
    lengths(rules)


if __name__ == "__main__":
    main()
