"""The bugs: what a tired hand or a hasty review could do to the splicer and to its proof."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutant:
    """In `file` of the package `new` takes the place of `old`; `what` says how careless that is."""

    file: str
    what: str
    old: str
    new: str
    tests: tuple[str, ...]


def _bug(file: str, what: str, old: str, new: str, *tests: str) -> Mutant:
    paths = tuple(f"{'core/' if name != 'corpus' else ''}test_{name}.py" for name in tests)
    return Mutant(f"core/{file}.py", what, old, new, paths)


TRANSFER = (
    _bug(
        "transfer",
        "drops the soft break in front of new words",
        'return b"=" + line_end if column else b""',
        'return b""',
        "transfer",
    ),
    _bug(
        "transfer",
        "drops the soft break behind new words",
        'new = _quote(cut.new, line_end) + (b"" if is_whole else b"=" + line_end)',
        "new = _quote(cut.new, line_end)",
        "transfer",
    ),
    _bug(
        "transfer",
        "leaves a bare blank at the end of a quoted-printable line",
        'b"=20" if word == b" " else word',
        "word",
        "transfer",
    ),
    _bug(
        "transfer",
        "breaks a quoted-printable row inside a character of UTF-8",
        'rb"[\\xc2-\\xdf].|[\\xe0-\\xef]..|[\\xf0-\\xf4]...|."',
        'rb"."',
        "transfer",
    ),
    _bug(
        "transfer",
        "lets a row begin with a dot, `From ` or the dashes of a delimiter",
        'is_risky = not row and word in (b".", b"F", b"-")',
        "is_risky = False",
        "transfer",
    ),
    _bug(
        "transfer",
        "writes quoted-printable rows of 77 octets and more",
        "if len(row) + len(word) > _QUOTED_LINE - 1:",
        "if len(row) + len(word) > _QUOTED_LINE + 9:",
        "transfer",
    ),
    _bug(
        "transfer",
        "cuts quoted-printable one octet late",
        "return run.start() + (at - seen) * width",
        "return run.start() + (at - seen + 1) * width",
        "transfer",
    ),
    _bug(
        "transfer",
        "takes a broken escape for a text",
        "if _BROKEN.search(body):",
        "if not body:",
        "transfer",
    ),
    _bug(
        "transfer",
        "splits a group of base64",
        "first = min(cut.start for cut in cuts) // 3 * 3",
        "first = min(cut.start for cut in cuts)",
        "transfer",
    ),
    _bug(
        "transfer",
        "writes base64 anew from its first line",
        "first = min(cut.start for cut in cuts) // 3 * 3",
        "first = 0",
        "transfer",
        "verify",
    ),
    _bug(
        "transfer",
        "folds base64 in lines of another length than its writer",
        "width = min(_BASE64_LINE, max(lengths)) if len(lengths) > 1 else _BASE64_LINE",
        "width = _BASE64_LINE",
        "transfer",
    ),
    _bug(
        "transfer",
        "forgets what stands already on the line of base64 where the new words begin",
        "room = max(0, width - column)",
        "room = width",
        "transfer",
    ),
    _bug(
        "transfer",
        "eats the line end behind base64",
        "end = len(body.rstrip())\n",
        "end = len(body)\n",
        "transfer",
    ),
    _bug(
        "transfer",
        "reads base64 behind its padding",
        'b"".join(body.split()), strict_mode=True',
        'b"".join(body.split()), strict_mode=False',
        "transfer",
    ),
    _bug(
        "transfer",
        "ends new lines in CRLF where the part ends them in LF",
        'return b"\\n" if b"\\n" in decoded and b"\\r\\n" not in decoded else b"\\r\\n"',
        'return b"\\r\\n"',
        "transfer",
    ),
    _bug(
        "transfer",
        "folds in CRLF what its writer folded in LF",
        'line_end = newline(body if b"\\n" in body else raw)',
        'line_end = b"\\r\\n"',
        "transfer",
        "rewrite",
    ),
    _bug(
        "transfer",
        "puts 8-bit words into a 7-bit part",
        "if not is_8bit and not all(",
        "if not is_8bit and not any(",
        "transfer",
    ),
    _bug(
        "transfer",
        "lets a line grow over 998 octets",
        "if not any(line in before for before in old):",
        "if False:",
        "transfer",
    ),
)

REWRITE = (
    _bug(
        "rewrite",
        "inserts one octet late",
        "at = page.text.offset(spot.at)\n",
        "at = page.text.offset(spot.at) + 1\n",
        "rewrite",
    ),
    _bug(
        "rewrite",
        "forgets the second alternative",
        "for change in changes\n        for edit",
        "for change in changes[:1]\n        for edit",
        "rewrite",
    ),
    _bug(
        "rewrite",
        "lets a soft line of format=flowed swallow the gap above the block",
        "spot.needs_gap_above * (1 + is_soft)",
        "spot.needs_gap_above",
        "rewrite",
    ),
    _bug(
        "rewrite",
        "takes off the blank that tells a folded line of the letter from an ended one",
        "is_soft = page.is_flowed and",
        "is_soft = not page.is_flowed and",
        "rewrite",
    ),
    _bug(
        "rewrite",
        "ends a line of the block in a blank, which folds it into the next",
        'line = line.rstrip(" ")\n',
        "line = str(line)\n",
        "rewrite",
    ),
    _bug(
        "rewrite",
        "writes a line that reads as a quote",
        'return " " + line if line.startswith((" ", ">", "From ")) else line',
        "return line",
        "rewrite",
    ),
    _bug(
        "rewrite",
        "forgets the empty line above the block",
        "head = newline * (is_mid_line + spot.needs_gap_above * (1 + is_soft))",
        "head = newline * is_mid_line",
        "place",
    ),
    _bug(
        "rewrite",
        "forgets the empty line below the block",
        'newline + (newline if spot.needs_gap_below else "")\n\n\ndef _stuffed',
        "newline\n\n\ndef _stuffed",
        "place",
    ),
    _bug(
        "rewrite",
        "makes question marks of what the page's charset cannot hold",
        'new = words.encode(codec, "xmlcharrefreplace")',
        'new = words.encode(codec, "replace")',
        "rewrite",
    ),
    _bug(
        "rewrite",
        "writes 8-bit characters into a page of references",
        "if page.text.data.isascii() and not new.isascii():",
        "if not new:",
        "rewrite",
    ),
    _bug(
        "rewrite",
        "writes the company's name as if it were markup",
        "shown = escape(line, quote=False)",
        "shown = line",
        "rewrite",
    ),
    _bug(
        "rewrite",
        "shows the address without a link",
        "return shown.replace(escape(url, quote=False), link)",
        "return shown",
        "rewrite",
    ),
    _bug(
        "rewrite",
        "gives the block its own looks instead of its neighbours'",
        '_COPIED = ("class", "style", "dir", "face", "size", "color")',
        "_COPIED = ()",
        "place",
    ),
    _bug(
        "rewrite",
        "leaves the last letter of a pasted link standing",
        "page.text.offset(span.end)\n",
        "page.text.offset(span.end - 1)\n",
        "rewrite",
    ),
    _bug(
        "rewrite",
        "makes only the first of several pasted links a tracked one",
        "for span in spans), adds_block",
        "for span in spans[:1]), adds_block",
        "rewrite",
    ),
)

CHARSET = (
    _bug(
        "charset",
        "writes the block in another charset than the part's",
        'return text.encode("iso2022_jp" if codec == JIS_MS else codec)',
        'return text.encode("cp932" if codec == JIS_MS else codec)',
        "charset",
        "rewrite",
    ),
    _bug(
        "charset",
        "puts words in before the escape sequence back to ASCII",
        "if self.text[index - 1].isascii():",
        "if not self.text[index - 1].isascii():",
        "charset",
        "rewrite",
    ),
    _bug(
        "charset",
        "reads shifted bytes as ASCII",
        'if b"\\x1b$" in data and not codec.startswith',
        'if b"\\0$" in data and not codec.startswith',
        "charset",
        "rewrite",
        "decision",
    ),
    _bug(
        "charset",
        "cuts UTF-16 as if it were a charset of octets",
        "if _SHIFTED.match(label):",
        "if not label and _SHIFTED.match(label):",
        "charset",
        "decision",
    ),
)

PLACE = (
    _bug(
        "place",
        "puts the block below the signature and the quote",
        "    yield last + 1\n    yield from",
        "    yield len(paragraphs)\n    yield from",
        "place",
        "corpus",
    ),
    _bug(
        "place",
        "puts the block below the closing wish",
        "yield index\n            break",
        "yield index + 1\n            break",
        "place",
    ),
    _bug(
        "place",
        "answers between somebody's quoted lines",
        "if any(part.voice is Voice.QUOTE for",
        "if False and any(part.voice is Voice.QUOTE for",
        "place",
    ),
    _bug(
        "place",
        "puts the block above the result",
        "return max((index for index in found if index != SUBJECT), default=own[0])",
        "return own[0]",
        "place",
        "corpus",
    ),
    _bug(
        "place",
        "inserts inside the start tag of the paragraph below",
        "opened.start, True, not below.is_spaced, not first.is_apart",
        "opened.start + 1, True, not below.is_spaced, not first.is_apart",
        "place",
    ),
    _bug(
        "place",
        "inserts behind the paragraph's end tag instead of before it",
        "return Spot(last.end, False, True, False, None, is_pre)",
        "return Spot(last.end + 4, False, True, False, None, is_pre)",
        "place",
    ),
    _bug(
        "place",
        "puts the block into what is hidden",
        "if element.tag in _CLOSED or element.is_hidden:",
        "if element.tag in _CLOSED:",
        "place",
    ),
    _bug(
        "place",
        "puts the block into links, lists and headings",
        "if element.tag in _CLOSED or element.is_hidden:",
        "if element.is_hidden:",
        "place",
    ),
    _bug(
        "place",
        "puts the block between the rows of a table",
        "has_cell = any(inner.tag in _CELLS for inner in around[depth:])",
        "has_cell = True",
        "place",
    ),
    _bug(
        "place",
        "opens a paragraph within a paragraph",
        'is_inside = any(element.tag == "p" for element in around)',
        "is_inside = False",
        "place",
    ),
    _bug(
        "place",
        "changes a link in the quoted mail",
        "if part.voice is not Voice.QUOTE and letter",
        "if part.voice and letter",
        "place",
    ),
)

MIME = (
    _bug(
        "message",
        "takes the preamble for the first part",
        "    begin = None\n",
        "    begin = body.start\n",
        "message",
        "rewrite",
    ),
    _bug(
        "message",
        "takes the line break of a delimiter for the part's",
        'end = line.start - (2 if raw[line.start - 2 : line.start] == b"\\r\\n" else 1)',
        "end = line.start",
        "message",
        "rewrite",
    ),
    _bug(
        "message",
        "takes a text attachment for the letter",
        'self.disposition in ("", "inline") and not self.filename',
        "True",
        "message",
        "decision",
        "corpus",
    ),
    _bug(
        "page",
        "writes into a part whose checksum stands in its header",
        "if part.is_sealed:",
        "if not part:",
        "decision",
    ),
    _bug(
        "flow",
        "keeps the blank that delsp=yes drops",
        "head = last.text[:-1] if is_delsp else last.text",
        "head = last.text",
        "flow",
        "letter",
        "corpus",
    ),
    _bug(
        "edit",
        "makes edits in the order in which they come",
        "for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):",
        "for edit in edits:",
        "edit",
    ),
    _bug(
        "rewrite",
        "leaves the newline of a marker's line behind",
        'end = source.find("\\n", line.end) + 1 or len(source)',
        "end = line.end",
        "template",
    ),
    _bug(
        "template",
        "takes the tags within a marker out as well",
        "    for tag in _TAG.finditer(match.string, match.start(), match.end()):\n",
        "    for tag in ():\n",
        "template",
    ),
    _bug(
        "sight",
        "does not ask whether only the marker is gone",
        "return before == after and said == says and is_shorter",
        "return True",
        "sight",
        "verify",
    ),
    _bug(
        "offer",
        "drops the field that shows the mail has been here",
        "whole = (mark, *edits)",
        "whole = edits",
        "decision",
    ),
    _bug(
        "decision",
        "adds a second link to a mail that comes again",
        "if any(offer.is_tracked(page, tenant) for page, _ in judged.pages):",
        "if not judged.pages:",
        "decision",
    ),
    _bug(
        "decision",
        "writes into inline PGP",
        "has_pgp = any(_PGP in page.text.text for page in _every(groups))",
        "has_pgp = False",
        "decision",
        "scope",
        "corpus",
    ),
    _bug(
        "decision",
        "sends what the proof has refuted",
        'if fault := next((each.fault for each in made if each.fault), ""):',
        'if fault := "":',
        "decision",
        "place",
    ),
)

PROOF = (
    _bug(
        "verify",
        "always says yes",
        'return next(filter(None, faults), "")',
        'return ""',
        "verify",
    ),
    _bug(
        "verify",
        "does not compare the bytes that stand as they were sent",
        'return "bytes outside the changes are new"',
        "pass",
        "verify",
    ),
    _bug(
        "verify",
        "does not ask for the added field",
        'return "the added fields are not on top"',
        "pass",
        "verify",
    ),
    _bug(
        "verify",
        "does not miss a change that was not made",
        'return "another part changed"',
        "pass",
        "verify",
    ),
    _bug(
        "verify",
        "reads the new text whole, so that a cut in a shift goes unseen",
        'return "the new text does not read in its charset"',
        "pass",
        "verify",
    ),
    _bug(
        "verify",
        "believes that the block is seen",
        "return sight.is_seen(old, shown, block) and _is_honest(block)",
        "return _is_honest(block)",
        "verify",
        "place",
    ),
    _bug(
        "verify",
        "believes that a link leads where it says",
        "reader.shown == reader.targets",
        "True",
        "sight",
        "verify",
    ),
    _bug(
        "verify",
        "does not measure lines",
        'if any(line.rstrip(b"\\r") not in old for line in',
        "if any(not old for line in",
        "verify",
    ),
    _bug(
        "sight",
        "does not look at what is around the block",
        "return len(added) == 1 and _is_open_to_sight(added[0])",
        "return len(added) == 1",
        "sight",
    ),
    _bug(
        "sight",
        "believes that a pasted link is all that has changed",
        "return before == first +",
        "return bool(first) or before == first +",
        "sight",
    ),
    _bug(
        "sight",
        "compares only how long two trees are",
        "if new[:at] == old[:at] and new[at + len(block) :] == old[at:]:",
        "if new:",
        "sight",
    ),
    _bug(
        "sight",
        "lets the block stand in a quote or a signature",
        "_UNSAID = frozenset([Trait.HIDDEN, Trait.QUOTE, Trait.SIGNATURE])",
        "_UNSAID = frozenset([Trait.HIDDEN])",
        "sight",
    ),
)

MUTANTS = (*TRANSFER, *REWRITE, *CHARSET, *PLACE, *MIME, *PROOF)
