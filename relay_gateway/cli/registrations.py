"""A list of registrations as CareerRelay writes it: CSV with token, registered_at, and more."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from relay_gateway.cli.rows import rows
from relay_gateway.cli.screen import DATA_FAULT, Stopped

# Parts of headings under which somebody could be recognised, in their normal form.
_PERSONAL = re.compile(
    r"mail|address|\bname|name\b|phone|tel\b|mobile|birth|age\b|gender|sex\b"
    r"|kana|zip|postal|subject|氏名|名前|姓|名$|お名|フリガナ|ふりがな|カナ|アドレス|メール|住所|電話"
    r"|携帯|生年月日|年齢|性別|郵便"
)


def tokens(file: str) -> tuple[str, ...]:
    """The tokens in a file; one with columns that could name somebody stops the command."""
    lines = rows(file, may_be_cp932=True)
    _, heads = next(lines)
    at = _column(file, heads)
    return tuple(row[at] if at < len(row) else "" for _, row in lines)


def _column(file: str, heads: Sequence[str]) -> int:
    names = [_normal(head) for head in heads]
    personal = [head for head, name in zip(heads, names, strict=True) if _is_personal(name)]
    if personal:
        shown = ", ".join(each[:40] for each in personal)
        what = f"the columns {shown} could name somebody; delete them and try again"
        raise Stopped(f"{file}: {what}.", DATA_FAULT)
    for needed in ("token", "registered_at"):
        if needed not in names:
            what = f"there is no column {needed}; the first line has to name the columns"
            raise Stopped(f"{file}: {what}.", DATA_FAULT)
    return names.index("token")


def _normal(head: str) -> str:
    return re.sub(r"[\s-]+", "_", unicodedata.normalize("NFKC", head).strip().lower())


def _is_personal(name: str) -> bool:
    return _PERSONAL.search(name.replace("_", " ")) is not None
