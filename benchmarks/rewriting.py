"""CPU of one whole decision, from raw bytes to proved edits: `python benchmarks/rewriting.py`.

`rewriting` is the part of it that is not judging.
"""

from __future__ import annotations

import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from relay_gateway.core.decision import Decision, Policy, decide
from relay_gateway.core.flow import html_lines
from relay_gateway.core.message import Unfit
from tests.conftest import ACME, envelope
from tests.rulebook import shipped

SAMPLES = Path(__file__).parent.parent / "relay_gateway" / "samples"
ROUNDS = 50


def longer(raw: bytes, size: int) -> bytes:
    """The same mail, grown in front of its closing wish to about this many bytes."""
    anchor = "末筆".encode("iso2022_jp")[:7]
    filler = "選考の過程では、多くの方とお話しする機会をいただきました。\r\n".encode("iso2022_jp")
    at = raw.index(anchor)
    return raw[:at] + filler * max(0, (size - len(raw)) // len(filler)) + b"\r\n" + raw[at:]


def html(size: int) -> bytes:
    """A letter of Outlook's, HTML only, of about this many bytes."""
    row = '<p class="MsoNormal"><span style="font-family:Meiryo">%s<o:p></o:p></span></p>\r\n'
    filler = row % "選考の過程では、多くの方とお話しする機会をいただきました。"
    head = [
        "佐藤様",
        "このたびはご応募いただき、誠にありがとうございました。",
        "慎重に選考を進めましたが、誠に残念ながら採用を見送らせていただくこととなりました。",
    ]
    style = "<style>p.MsoNormal{margin:0mm}</style>" + "<!-- office -->" * 50
    tail = row % "末筆ながら、今後のご活躍をお祈り申し上げます。"
    fixed = "".join(row % words for words in head)
    body = fixed + filler * ((size - len(style)) // len(filler.encode())) + tail
    header = (
        "From: saiyo@acme.example\r\nTo: taro@gmail.example\r\nMessage-ID: <1@acme.example>\r\n"
        "MIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n"
        "Content-Transfer-Encoding: 8bit\r\n\r\n"
    )
    page = f"<html><head>{style}</head><body><div class=WordSection1>{body}</div></body></html>"
    return (header + page + "\r\n").encode()


def cost(raw: bytes, policy: Policy) -> tuple[float, Decision]:
    """Milliseconds of CPU, the median of many rounds."""
    seconds = []
    for _ in range(ROUNDS):
        start = time.process_time()
        decision = decide(envelope(), raw, policy)
        seconds.append(time.process_time() - start)
    return statistics.median(seconds) * 1000, decision


# Pages that cost seconds wherever a reader looks for the same thing again and again.
HOSTILE = {
    "190 open spans, 60,000 <br>": "<span>" * 190 + "a<br>" * 60_000,
    "100,000 open divs": "<div>" * 100_000,
    "100,000 attributes": "<a " + " ".join(f"a{n}" for n in range(100_000)) + ">x",
    "1 MB of <": "<" * 1_000_000,
    "a quote that never closes": '<a b="' * 160_000,
    "100,000 open comments": "<!-- " * 100_000,
    "190 fonts left open": "<p>"
    + "".join(f"<font size={n}>" for n in range(190))
    + "<p>a" * 60_000,
}


def hostile() -> None:
    """How long it takes to read, or to refuse, each hostile page."""
    for name, source in HOSTILE.items():
        start = time.process_time()
        try:
            said = f"{len(html_lines(source))} lines"
        except Unfit as why:
            said = f"Unfit: {why}"
        milliseconds = (time.process_time() - start) * 1000
        print(f"{name:28}{len(source):8}{milliseconds:9.2f}  {said}")


def main() -> None:
    """Print a table."""
    policy = Policy((ACME,), shipped())
    plain = (SAMPLES / "rejection.eml").read_bytes()
    mails = {
        "pass letter, plain": (SAMPLES / "pass.eml").read_bytes(),
        "rejection, plain": plain,
        "rejection, plain, 3 KB": longer(plain, 3_000),
        "rejection, text and HTML": (SAMPLES / "rejection-multipart.eml").read_bytes(),
        "rejection, HTML, 12 KB": html(12_000),
        "rejection, HTML, 60 KB": html(60_000),
    }
    # Without judging: what is left is to read, place, splice and prove.
    forced = replace(policy, is_forced=True)
    print(f"{'mail':28}{'bytes':>8}{'ms CPU':>9}{'rewriting':>11}  decision")
    for name, raw in mails.items():
        milliseconds, decision = cost(raw, policy)
        alone = f"{cost(raw, forced)[0]:11.2f}" if decision.edits else " " * 11
        print(f"{name:28}{len(raw):8}{milliseconds:9.2f}{alone}  {decision.reason}")
    hostile()


if __name__ == "__main__":
    main()
