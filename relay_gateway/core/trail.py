"""From a token back to the company that signed it and the referral it stands for."""

from __future__ import annotations

import re
from collections.abc import Iterable

from relay_gateway.core import link
from relay_gateway.core.link import BadToken
from relay_gateway.core.tenant import Tenant

_LENGTH = link.ID_LENGTH + link.MAC_LENGTH
# Some programs take the full stop behind a link, or the bracket around it, for a part of it.
_LEADING = re.compile(rf"[0-9A-Za-z]{{{_LENGTH}}}(?![0-9A-Za-z])")


def follow(text: str, tenants: Iterable[Tenant]) -> tuple[Tenant, str] | None:
    """The company and the id of the referral; None if no company has signed this.

    All keys of all companies are tried, so that the time taken does not tell whose token it is.
    """
    found: tuple[Tenant, str] | None = None
    for tenant in tenants:
        try:
            referral = link.open_token(text, tenant.id, tenant.keys)
        except BadToken:
            continue
        found = found or (tenant, referral)
    return found


def leading(text: str) -> str:
    """What may be a token at the beginning of the last step of a path; else the text."""
    match = _LEADING.match(text)
    return match[0] if match else text
