"""The normal form: one spelling for every way of writing the same words, which rules match.

The same folding goes over a letter and over the rules' own words and patterns, so an author
writes plain Japanese and need not know it. Nothing in normal form ever leaves the gateway.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from unicodedata import is_normalized, normalize

# Characters that readers do not see: they are put into words by editors, HTML and trackers.
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u180e\ufeff\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)

# One spelling for each character. NFKC does not know these: they are choices of the writer.
_CHARACTERS = (
    *((quote, "'") for quote in "\u2018\u2019\u201b\u02bc\u2032`"),
    *((quote, '"') for quote in "\u201c\u201d"),
    *((dash, "-") for dash in "\u2010\u2011\u2012\u2013\u2014\u2015"),
)
# Accents are left out by many who write on a foreign keyboard, and umlauts are written out.
_ACCENTED = re.compile("[\u00df-\u017f]")
_SPELT = {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ð": "d"}
_LETTERS = str.maketrans(
    {chr(code): normalize("NFD", chr(code))[0] for code in range(0xDF, 0x180)} | _SPELT
)
_KANJI = (
    ("頂", "いただ"),
    ("戴", "いただ"),
    ("添", "沿"),
    ("副", "沿"),
    ("御", "ご"),
    ("致", "いた"),
    ("尚", "なお"),
    ("又", "また"),
)

# One spelling for each word, applied in this order after the characters above.
_WORDS = (
    *_KANJI,
    ("ご祈", "お祈"),
    ("ご見送", "お見送"),
    ("ご待", "お待"),
    ("ご詫", "お詫"),
    ("ご忙", "お忙"),
    ("ご断", "お断"),
    ("ご礼", "お礼"),
    ("ご越し", "お越し"),
    ("ご願", "お願"),
    ("ご時間", "お時間"),
    ("ご力", "お力"),
    ("ご手数", "お手数"),
    ("おこたえ", "お応え"),
    ("お答え", "お応え"),
    ("下さ", "くださ"),
    ("申しあげ", "申し上げ"),
    ("申上げ", "申し上げ"),
    ("益々", "ますます"),
    ("益益", "ますます"),
    ("増々", "ますます"),
    ("何卒", "なにとぞ"),
    ("誠に", "まことに"),
    ("ざんねん", "残念"),
    ("ざん念", "残念"),
    ("ごきたい", "ご期待"),
    ("ごきぼう", "ご希望"),
    ("ごえん", "ご縁"),
    ("内々定", "内定"),
    ("ふさいよう", "不採用"),
    ("ふごうかく", "不合格"),
    ("おいのり", "お祈り"),
    ("活やく", "活躍"),
    ("かつやく", "活躍"),
    ("相成", "な"),
    ("ご座い", "ござい"),
    ("乍ら", "ながら"),
    ("見合せ", "見合わせ"),
    ("みあわせ", "見合わせ"),
    ("見おく", "見送"),
    ("みおく", "見送"),
    ("無か", "なか"),
    ("無い", "ない"),
    ("無く", "なく"),
    ("無し", "なし"),
    ("無き", "なき"),
    ("諒承", "了承"),
    ("了解", "了承"),
    ("諒解", "了承"),
    ("出来", "でき"),
    ("兼ね", "かね"),
    ("にそえ", "に沿え"),
    ("にそい", "に沿い"),
    ("にそう", "に沿う"),
    ("にはそえ", "には沿え"),
    ("此の度", "このたび"),
    ("此度", "このたび"),
    ("この度", "このたび"),
    ("有難う", "ありがとう"),
    ("有り難う", "ありがとう"),
    ("是非", "ぜひ"),
    ("宜し", "よろし"),
    ("貴方", "あなた"),
    ("貴女", "あなた"),
    ("さま", "様"),
    ("断わ", "断"),
    ("ことわ", "断"),
    ("差控", "差し控"),
    ("打切", "打ち切"),
    ("取消", "取り消"),
    ("取り止", "取りやめ"),
    ("取止", "取りやめ"),
    ("引続", "引き続"),
    ("繰上", "繰り上"),
    ("受付", "受け付"),
    ("受け付けけ", "受け付け"),
    ("締切", "締め切"),
    ("むずかし", "難し"),
    ("かなわ", "叶わ"),
    ("適わ", "叶わ"),
    ("適いま", "叶いま"),
    ("かないま", "叶いま"),
    ("及びま", "およびま"),
    ("為に", "ために"),
    ("為、", "ため、"),
    ("居り", "おり"),
    ("ない事", "ないこと"),
    ("る事", "ること"),
    ("た事", "たこと"),
    ("貰", "もら"),
    ("筈", "はず"),
)

# "… your application.We are …": capitals are gone in normal form, so the blank is put in before.
_RUN_ON = re.compile(r"[.!?](?<=[a-z].)(?=[A-Z][a-z]+(?![.\w]))")
_CJK = "\u3001-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_GAP = re.compile(f"(?<=[{_CJK}]) (?=[{_CJK}])")
# A newline is soft unless the next line begins an item or this one ends a salutation.
_ITEM = r"[・■□●○◆◇★☆※▼▽▶►•‣▪◦*#>→【<《]|-{1,2} |[(\[]?\d{1,2}[.)\]](?!\d)"
_SALUTATION = "".join(rf"(?<!{word}\n)" for word in ("様", "殿", "ご中", "各位", "さん", ":"))
_PARTICLE = "[のはがにをともへで]|から|より|まで"
_SOFT = rf"\n(?!{_ITEM})(?:{_SALUTATION}|(?={_PARTICLE}))"
_SOFT_IN_CJK = re.compile(rf"{_SOFT}(?<=[{_CJK}]\n)(?=[{_CJK}])")
_SOFT_ELSEWHERE = re.compile(rf"{_SOFT}(?:(?<![{_CJK}]\n)|(?![{_CJK}]))")


def normalise(text: str) -> str:
    """The text in the form that rules match; newlines stay only where a list or heading breaks."""
    return normalise_all((text,))[0]


def normalise_all(texts: Sequence[str]) -> list[str]:
    """Each text in normal form; a letter's paragraphs together cost little more than one."""
    if not texts:
        return []
    plain = _plain("\0".join(text.replace("\0", "") for text in texts))
    return _respell(_unwrapped("\0".join(map(_closed, plain.split("\0"))))).split("\0")


class Forms:
    """The normal forms of the texts of one mail, each made once: alternatives say the same, and
    whoever judges asks for what is asked again for its words.
    """

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def of(self, texts: Sequence[str]) -> list[str]:
        """Each text in normal form."""
        new = tuple(dict.fromkeys(text for text in texts if text not in self._known))
        if new:
            self._known.update(zip(new, normalise_all(new), strict=True))
        return [self._known[text] for text in texts]


def sentences(paragraph_text: str) -> tuple[str, ...]:
    """The sentences of a paragraph in normal form, in order."""
    found, start = [], 0
    for match in _END.finditer(paragraph_text):
        if match[0][0] == "." and _is_abbreviated(paragraph_text[start : match.start()]):
            continue
        found.append(paragraph_text[start : match.end()].strip())
        start = match.end()
    found.append(paragraph_text[start:].strip())
    return tuple(sentence for sentence in found if sentence)


def _is_abbreviated(sentence: str) -> bool:
    # `^` means the beginning of the sentence wherever the search begins.
    return _ABBREVIATION.search(sentence, max(0, len(sentence) - _LONGEST_ABBREVIATION)) is not None


def pattern(source: str) -> str:
    """A pattern whose literal text is in normal form; its escapes and operators stay as written."""
    return "".join(
        piece if is_escape else _fold_literal(piece) for is_escape, piece in _pieces(source)
    )


# A stop ends a sentence unless a quotation is carried on ("…。」との…") or a URL's query follows.
# It begins with all signs that may end one, for then the letters between cost nothing to pass.
_END = re.compile(
    r"""[。!?\n.](?:(?<=[。!?])[。!?]*(?:[」』)\]"'](?![とのをがにはで])|(?![」』a-z0-9=&%/]))+"""
    r"""|(?<=\n)|(?<=\.)[)"']*(?=\s))"""
)
_ABBREVIATION = re.compile(
    r"^\s*\(?\d{1,2}$|(?:^|[\s(])(?:[a-z]|mr|mrs|ms|dr|prof|inc|ltd|co|corp|st|no|vs|sr|jr|dept|approx|bros"
    r"|e\.g|i\.e|u\.s|u\.k|a\.m|p\.m|ph\.d|z\.b|bzw|ca|sra|av|apt|ext|tel|est|nr|ggf|exa"
    r"|(?:am|zum|vom|bis|ab|den|dem) \d{1,2})$"
)
# With what stands before it, and room for the blanks before a number.
_LONGEST_ABBREVIATION = 12
_ESCAPE = re.compile(r"(\\(?:[pP](?:\{\^?\w+\}|\w)|x(?:\{[0-9A-Fa-f]+\}|[0-9A-Fa-f]{2})|.))")


def _plain(text: str) -> str:
    text = _RUN_ON.sub(r"\g<0> ", text)
    if text.isascii():
        return text.lower().replace("`", "'")
    # NFKC costs most of all this: the commonest wide character is folded here, the rest by line.
    text = _UNSEEN.sub("", text).replace("\u3000", " ")
    if not is_normalized("NFKC", text):
        text = "\n".join(normalize("NFKC", line) for line in text.split("\n"))
    text = text.lower()
    if _ACCENTED.search(text):
        text = text.translate(_LETTERS)
    for old, new in _CHARACTERS:
        text = text.replace(old, new)
    return text


def _respell(text: str) -> str:
    if text.isascii():
        return text
    # Most letters hold few of these words, and asking a set of signs is cheaper than looking.
    signs = set(_RARE.findall(text))
    for old, new in _WORDS:
        if _RAREST[old] in signs:
            text = text.replace(old, new)
            signs.update(new)
    return text


def _rarest(word: str) -> str:
    """The sign of a word that fewest letters hold: no kana, if it can be."""
    return max(word, key=lambda sign: (sign >= _FIRST_KANJI, sign not in _COMMON))


_FIRST_KANJI = "\u3400"
_COMMON = frozenset("ごおのにいまあさなしくかけたるとうえ、")
_RAREST = {old: _rarest(old) for old, _ in _WORDS}
_RARE = re.compile(f"[{''.join(sorted(set(_RAREST.values())))}]")


def _close(line: str) -> str:
    """One line without the blanks that carry nothing: runs, edges, between CJK characters."""
    line = " ".join(line.split())
    return _GAP.sub("", line) if " " in line and not line.isascii() else line


def _closed(text: str) -> str:
    return "\n".join(filter(None, map(_close, text.split("\n"))))


def _unwrapped(text: str) -> str:
    # In this order, for lines without a blank between them read like words that stand in neither.
    text = _SOFT_ELSEWHERE.sub(" ", text)
    return text if text.isascii() else _SOFT_IN_CJK.sub("", text)


def _pieces(source: str) -> list[tuple[bool, str]]:
    return [(at % 2 == 1, piece) for at, piece in enumerate(_ESCAPE.split(source)) if piece]


_OPERATORS = frozenset("\\.+*?()[]{}|^$")
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")


def _fold_literal(text: str) -> str:
    return _respell(_plain(_BEYOND_ASCII.sub(_literal, text)))


def _literal(wide: re.Match[str]) -> str:
    """A wide （ or ？ is no operator, though its normal form would be one."""
    folded = normalize("NFKC", wide[0])
    return re.escape(folded) if folded in _OPERATORS else folded
