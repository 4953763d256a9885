"""What runs inside Redis, all of it or nothing: keeping events in their chain, and forgetting."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass

from relay_gateway.core.chain import Entry
from relay_gateway.core.credit import Event, Kind

# The digests are computed by us, against the head that we have seen: Redis knows no SHA-256. If
# the head has moved since, or an event is there already, nothing is written and we hear of it.
# The n-th entry is n-0 in the stream, so that a missing one would show.
KEEP = """
local head, events, keys, persons, referrals, times = unpack(KEYS)
local digest = redis.call('HGET', head, 'digest') or ARGV[1]
local count = tonumber(redis.call('HGET', head, 'entries') or '0')
local known = {}
for at = 3, #ARGV, 9 do
  if redis.call('HEXISTS', keys, ARGV[at]) == 1 then known[#known + 1] = ARGV[at] end
end
if digest ~= ARGV[2] or #known > 0 then return {0, digest, known} end
for at = 3, #ARGV, 9 do
  local key, kind, referral, time, facts, salt, person, veil = unpack(ARGV, at, at + 7)
  digest = ARGV[at + 8]
  count = count + 1
  local id = string.format('%.0f-0', count)
  redis.call('XADD', events, id, 'kind', kind, 'referral', referral, 'at', time,
    'facts', facts, 'veil', veil, 'digest', digest)
  redis.call('HSET', keys, key, id)
  redis.call('HSET', persons, id, salt .. ':' .. person)
  redis.call('ZADD', referrals, 0, referral .. ':' .. id)
  redis.call('ZADD', times, time, id)
end
redis.call('HSET', head, 'digest', digest, 'entries', string.format('%.0f', count))
return {1, digest, known}
"""

FORGET = """
local found = 0
for at = 2, #ARGV, 2 do
  if redis.call('HGET', KEYS[1], ARGV[at]) == ARGV[at + 1] then
    redis.call('HSET', KEYS[1], ARGV[at], ARGV[1])
    found = found + 1
  end
end
return found
"""

_FIRST = "relay_gateway:{"


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one company; its name in braces keeps them on one node of a cluster."""

    head: str
    events: str
    keys: str
    persons: str
    referrals: str
    times: str

    @classmethod
    def of(cls, tenant: str) -> Keys:
        """The keys of the company of this name."""
        names = ("head", "events", "keys", "persons", "referrals", "times")
        return cls(*(f"{_FIRST}{tenant}}}:{name}" for name in names))

    def all(self) -> tuple[str, ...]:
        """In the order in which the script wants them."""
        return astuple(self)


# Which companies there are is asked of the keys themselves: no list of them could be kept in the
# same step on another node.
HEADS = f"{_FIRST}*}}:head"


def tenant_of(head: str) -> str:
    """The company whose head stands under this key."""
    return head.removeprefix(_FIRST).removesuffix("}:head")


def arguments(entries: Sequence[Entry]) -> list[str]:
    """The entries as the script wants them."""
    told: list[str] = []
    for entry in entries:
        event = entry.event
        facts = json.dumps(event.facts, ensure_ascii=False) if event.facts else "[]"
        told += (event.key, str(event.kind), event.referral, repr(event.at + 0.0), facts)
        told += (entry.salt, event.person, entry.veil, entry.digest)
    return told


def entry_of(tenant: str, fields: dict[str, str], person: str) -> Entry:
    """The entry that stands in the stream, with its salt and person from beside it."""
    salt, _, who = person.partition(":")
    facts = fields["facts"]
    told = () if facts == "[]" else tuple((name, value) for name, value in json.loads(facts))
    referral, at = fields["referral"], float(fields["at"])
    event = Event(Kind(fields["kind"]), tenant, referral, who, at, told)
    return Entry(event, salt, fields["veil"], fields["digest"])
