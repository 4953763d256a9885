"""What is kept of a visit to a link: enough to judge again whether a person came, and not who.

Neither the address nor the words of the visitor's program are kept, only the family it belongs to.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from relay_gateway.core.credit import Event, Kind

# The first that is found names the family: those that hide behind a browser's words come first.
# Gateways of mail security by their makers' papers; tools by the words they send by default.
_FAMILIES = (
    ("safelinks", r"safelinks|ms-?office existence"),
    ("defender", r"msdefender|defender"),
    ("proofpoint", r"proofpoint|urldefense"),
    ("mimecast", r"mimecast"),
    ("barracuda", r"barracuda"),
    ("trendmicro", r"trend ?micro|\btmufe\b"),
    ("symantec", r"symantec|messagelabs|bluecoat"),
    ("fireeye", r"fireeye|trellix"),
    ("ironport", r"ironport|cisco (?:secure )?email"),
    ("headless", r"headless|phantomjs|puppeteer|playwright|selenium"),
    ("preview", r"facebookexternalhit|whatsapp|slack|telegram|skypeuripreview|embedly|preview"),
    ("crawler", r"crawler"),
    ("spider", r"spider"),
    ("bot", r"(?<!cu)bot\b|googleother|google-read-aloud"),
    ("monitor", r"monitor|uptime|pingdom"),
    ("scanner", r"scan(?:ner)?\b|virustotal|urlscan"),
    ("curl", r"\bcurl/"),
    ("wget", r"\bwget"),
    ("python", r"python|aiohttp|httpx|scrapy"),
    ("go", r"\bgo-http-client"),
    ("java", r"\bjava/|okhttp|apache-httpclient"),
    ("node", r"\bnode|axios|undici"),
    ("php", r"\bphp|guzzle"),
    ("ruby", r"\bruby"),
    ("perl", r"libwww-perl|\bperl"),
    ("powershell", r"powershell"),
    ("line", r"\bline/"),
    ("edge", r"\bedg(?:e|a|ios)?/"),
    ("firefox", r"firefox/|fxios/"),
    ("chrome", r"chrome/|crios/"),
    ("safari", r"safari/"),
)
_PATTERNS = tuple((name, re.compile(pattern)) for name, pattern in _FAMILIES)
_LONGEST = 512


@dataclass(frozen=True, slots=True)
class Visit:
    """One request for a link. `id` tells it from others, `agent` is the family of the program."""

    tenant: str
    referral: str
    at: float
    id: str
    method: str
    agent: str


def family(user_agent: str, purposes: str = "") -> str:
    """The family of a program in fixed words: never a part of what it says.

    `purposes` are the fields in which browsers say that they fetch ahead (Sec-Purpose and its
    forerunners, https://fetch.spec.whatwg.org/#sec-purpose-header).
    """
    said = user_agent[:_LONGEST].lower()
    found = next((name for name, pattern in _PATTERNS if pattern.search(said)), "")
    name = found or ("other" if said.strip() else "tool")
    is_ahead = "prefetch" in purposes.lower() or "prerender" in purposes.lower()
    return f"{name} prefetch" if is_ahead else name


def clicked(visit: Visit, person: str, accepted: float | None) -> Event:
    """The visit as an event; `accepted` is when the next hop took the mail, if that is known."""
    after = "" if accepted is None else f"{visit.at - accepted:.1f}"
    facts = (
        ("after", after),
        ("agent", visit.agent),
        ("id", visit.id),
        ("method", visit.method),
    )
    return Event(Kind.CLICKED, visit.tenant, visit.referral, person, visit.at, facts)
