"""Time zones by name."""

from __future__ import annotations

from datetime import tzinfo
from zoneinfo import ZoneInfo

from relay_gateway.core.statement import TOKYO


class NoZone(Exception):
    """No time zone has this name."""


def zone(name: str) -> tzinfo:
    """The time zone of this name; Japan's also on a machine without a list of time zones."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as unknown:
        if name == str(TOKYO):
            return TOKYO
        raise NoZone(name) from unknown
