"""Letters in markup that the corpus has few of: what programs write around each paragraph."""

from __future__ import annotations

from collections.abc import Iterator

from tests.mails import EN, JA, mail, part

# Whole pixels, so that what moves moves by whole rows.
DOCS = "font-size:12pt;font-family:Arial;color:rgb(0,0,0);white-space:pre-wrap"
MINCHO = "font-size:10.5pt;font-family:&quot;Noto Serif CJK JP&quot;;color:#1f3864"
WORD = "<style>p.MsoNormal{margin:0;font-size:11pt;font-family:sans-serif}</style>"

# What stands before the letter, before and behind each paragraph, between two, and at line ends.
HANDS = {
    "google-docs": (
        "",
        f'<p dir="ltr" style="line-height:1.5;margin:0 0 12px"><span style="{DOCS}">',
        "</span></p>",
        "",
        "<br>",
    ),
    "word-spans": (
        WORD,
        f'<p class=MsoNormal><span style="{MINCHO}">',
        "<o:p></o:p></span></p>",
        f'<p class=MsoNormal><span style="{MINCHO}"><o:p>&nbsp;</o:p></span></p>',
        "<br>",
    ),
    "fonts": ("", "<DIV><FONT face=Arial size=2>", "</FONT></DIV>", "<DIV>&nbsp;</DIV>", "<BR>"),
    "fonts-by-line": ("", '<font face="Arial" size="2">', "</font><br>", "<br>", " "),
    "styled-paragraphs": ("", '<p style="font:15px Verdana;color:#444">', "</p>", "", "<br>"),
    "kept-newlines": (
        '<div style="white-space:pre-wrap">',
        "<div>",
        "</div>",
        "<div><br></div>",
        "<br>",
    ),
    "kept-lines": ('<div style="white-space:pre-wrap">', "", "\n", "\n", "\n"),
    "cell": ("<table width=300><tr><td bgcolor=#eeeeff>", "<p>", "</p>", "", "<br>"),
    "whole-font": ('<font color="#003366">', "<div>", "</div>", "<div><br></div>", "<br>"),
}


def letters() -> Iterator[tuple[str, bytes]]:
    """Each letter's name and its mail, in two languages."""
    for name, (head, start, end, gap, line_end) in HANDS.items():
        for language, text in (("en", EN), ("ja", JA)):
            paragraphs = text.strip().split("\n\n")
            rows = (f"{start}{words.replace(chr(10), line_end)}{end}" for words in paragraphs)
            source = f"<html><body>{head}{gap.join(rows)}</body></html>"
            yield f"{name}-{language}", mail(part(source, "text/html"))
