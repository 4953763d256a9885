"""How often strangers may ask: by address and altogether, in bounded memory."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


class Rates:
    """Buckets that fill evenly: `each` requests a minute by address, `total` by all of them.

    An address of IPv6 is its /64, because that is what one machine gets. Of at most `addresses` the
    latest are remembered; who is forgotten begins with a full bucket.
    """

    def __init__(
        self, each: int, total: int, elapsed: Callable[[], float], addresses: int = 10_000
    ) -> None:
        self._each, self._total = each, total
        self._elapsed = elapsed
        self._addresses = addresses
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._all = _Bucket(total, elapsed())

    def allows(self, address: str) -> bool:
        """Whether one more request may be answered; if so it is counted."""
        now = self._elapsed()
        name = _whole(address)
        bucket = self._buckets.setdefault(name, _Bucket(self._each, now))
        self._buckets.move_to_end(name)
        if len(self._buckets) > self._addresses:
            self._buckets.popitem(last=False)
        # First one's own: who asks too often takes nothing away from the others.
        return _take(bucket, self._each, now) and _take(self._all, self._total, now)


def _take(bucket: _Bucket, size: int, now: float) -> bool:
    bucket.left = min(size, bucket.left + (now - bucket.at) * size / 60)
    bucket.at = now
    if bucket.left < 1:
        return False
    bucket.left -= 1
    return True


def _whole(address: str) -> str:
    try:
        its = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(its, ipaddress.IPv6Address) and its.ipv4_mapped is None:
        return str(ipaddress.ip_network((its, 64), strict=False))
    return str(its)
