"""SMTP replies as values; the gateway's own replies by name.

RFC 5321, 4.2: a code of three digits and one or more lines of text. The lines are bytes,
because the next hop may write what it likes there and the client has to hear it unchanged.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Reply:
    """A code and its lines of text, enhanced status code included, without line ends; `is_ours` if
    no other server has said it.
    """

    code: int
    lines: tuple[bytes, ...]
    is_ours: bool = field(default=False, compare=False, repr=False)

    @property
    def is_ok(self) -> bool:
        """Whether the server took what it was given (2yz)."""
        return 200 <= self.code < 300

    @property
    def status(self) -> str:
        """The enhanced status code (RFC 2034, 4: of the same class as the code), or nothing."""
        match = _STATUS.match(self.lines[0]) if self.lines else None
        is_one = match is not None and match[1][:1] == b"%d" % (self.code // 100)
        return match[1].decode() if match and is_one else ""

    def wire(self) -> bytes:
        """The reply as it goes over the line: `250-first CRLF 250 last CRLF`."""
        *firsts, last = self.lines or (b"",)
        code = b"%d" % self.code
        return b"".join(
            [*(code + b"-" + line + b"\r\n" for line in firsts), code, b" ", last, b"\r\n"]
        )


def reply(code: int, *lines: str) -> Reply:
    """One of our own replies; its text is ASCII."""
    return Reply(code, tuple(line.encode("ascii") for line in lines), is_ours=True)


_STATUS = re.compile(rb"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?![0-9.])")


NO_NEXT_HOP = reply(451, "4.4.1 The next mail server cannot be reached, please try again later")
DELIVERED_BEFORE = reply(250, "2.0.0 Ok, delivered before")
NOT_ALL_OUT = reply(451, "4.3.2 Not all copies are out yet, please send again")
OUR_FAULT = reply(451, "4.3.0 Local error, please try again later")
NO_PROOF = reply(550, "5.7.1 This mail does not show which company sends it")
HEADER_TOO_LARGE = reply(552, "5.3.4 Header too large")
