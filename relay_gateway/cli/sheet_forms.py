"""A statement as text, as a spreadsheet's CSV, and as one page of HTML that needs nothing else."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from html import escape

from rich.cells import cell_len

from relay_gateway.cli import sayings
from relay_gateway.cli.sheet import Row, Section, Sheet, Value
from relay_gateway.cli.tongue import language
from relay_gateway.core.printable import printable

_BAR = 10


def text(sheet: Sheet) -> str:
    """Lines for a terminal or a mail; columns stand beneath each other in Japanese too."""
    rows = [row for section in sheet.sections for row in section.rows]
    labels = max(cell_len(printable(row.label)) for row in rows)
    short = (cell_len(printable(str(row.value))) for row in rows)
    values = max(length for length in short if length <= 32)
    title = printable(sheet.title)
    lines = [title, "=" * cell_len(title)]
    for section in sheet.sections:
        lines += ["", *([printable(section.title)] if section.title else [])]
        lines += (_line(row, labels, values) for row in section.rows)
    full = sheet.done * _BAR // sheet.whole
    bar = "■" * full + "□" * (_BAR - full)
    return "\n".join([*lines, "", f"{bar} {sheet.done}/{sheet.whole}", ""])


def _line(row: Row, labels: int, values: int) -> str:
    label, value = printable(row.label), printable(str(row.value))
    gap = " " * (labels - cell_len(label))
    pad = " " * max(0, values - cell_len(value))
    shown = f"{pad}{value}" if isinstance(row.value, int) else f"{value}{pad}"
    return f"  {label}{gap}  {shown}  {printable(row.note)}".rstrip()


def spreadsheet(sheet: Sheet) -> bytes:
    """CSV (RFC 4180) in UTF-8 with a byte order mark, which a Japanese Excel needs to read it."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    heads = (sayings.SECTION, sayings.ITEM, sayings.VALUE_COLUMN, sayings.NOTE)
    writer.writerow(map(str, heads))
    for section in sheet.sections:
        title = section.title or sheet.title
        for row in section.rows:
            writer.writerow([cell(each) for each in (title, row.label, row.value, row.note)])
    return b"\xef\xbb\xbf" + file.getvalue().encode("utf-8", "replace")


# What makes a spreadsheet compute a cell, also written in full width
# (https://owasp.org/www-community/attacks/CSV_Injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def cell(value: Value) -> Value:
    """A cell that is a number or words and never a formula."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value


def page(sheet: Sheet) -> str:
    """HTML with nothing to load: headings, tables with captions and row headings, fit to print."""
    body = "\n".join(piece for section in sheet.sections for piece in _section(section))
    title, done = escape(sheet.title), f"{sheet.done} / {sheet.whole}"
    return (
        f'<!DOCTYPE html>\n<html lang="{language()}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="robots" content="noindex">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{title}</h1>\n"
        f'<p><label for="next">{escape(str(sayings.TOWARDS))}: {done}</label> '
        f'<progress id="next" value="{sheet.done}" max="{sheet.whole}">{done}</progress></p>\n'
        f"{body}\n</main>\n</body>\n</html>\n"
    )


def _section(section: Section) -> Iterator[str]:
    heads = (sayings.ITEM, sayings.VALUE_COLUMN, sayings.NOTE)
    columns = "".join(f'<th scope="col">{escape(str(head))}</th>' for head in heads)
    yield "<table>"
    if section.title:
        yield f"<caption>{escape(section.title)}</caption>"
    yield f"<thead><tr>{columns}</tr></thead>\n<tbody>"
    for row in section.rows:
        kind = ' class="number"' if isinstance(row.value, int) else ""
        label, value, note = (escape(str(each)) for each in (row.label, row.value, row.note))
        yield f'<tr><th scope="row">{label}</th><td{kind}>{value}</td><td>{note}</td></tr>'
    yield "</tbody>\n</table>"


# Dark grey on white is 12:1, so that everybody can read it (WCAG 2.2, 1.4.3 asks for 4.5:1).
_STYLE = (
    "body{font-family:system-ui,'Hiragino Sans','Yu Gothic UI',sans-serif;color:#222;"
    "background:#fff;margin:2rem auto;max-width:56rem;padding:0 1rem;line-height:1.6}"
    "h1{font-size:1.4rem}"
    "table{border-collapse:collapse;table-layout:fixed;width:100%;margin:1.5rem 0}"
    "caption{text-align:left;font-weight:700;padding:.3rem 0}"
    "th,td{border-bottom:1px solid #bbb;padding:.35rem .6rem;text-align:left;vertical-align:top;"
    "overflow-wrap:anywhere}"
    "thead th{border-bottom:2px solid #222;width:27%}"
    "thead th:first-child,thead th:last-child{width:36.5%}"
    "th[scope=row]{font-weight:400}"
    ".number{text-align:right;font-variant-numeric:tabular-nums}"
    "progress{width:10rem;height:1rem}"
    "@media print{body{margin:0}table{break-inside:avoid}}"
)
