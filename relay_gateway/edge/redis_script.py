"""What runs inside Redis, all of it or nothing: keeping events in their chain, and forgetting."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any

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
for at = 4, #ARGV, 5 do
  if redis.call('HEXISTS', keys, ARGV[at]) == 1 then known[#known + 1] = ARGV[at] end
end
if digest ~= ARGV[2] or #known > 0 then return {0, digest, known} end
for at = 4, #ARGV, 5 do
  local key, referral, time, person, entry = unpack(ARGV, at, at + 4)
  count = count + 1
  local id = string.format('%.0f-0', count)
  redis.call('XADD', events, id, 'entry', entry)
  redis.call('HSET', keys, key, id)
  redis.call('HSET', persons, id, person)
  redis.call('ZADD', referrals, 0, referral .. ':' .. id)
  redis.call('ZADD', times, time, id)
end
redis.call('HSET', head, 'digest', ARGV[3], 'entries', string.format('%.0f', count))
return {1, ARGV[3], known}
"""

# A page of entries is one text in JSON: a client in Python takes thousands of small answers apart
# ten times as slowly. Each is [entry, salt:person].
_TOLD = """
local events, persons = KEYS[1], KEYS[2]
local told, last = {}, ''
local function tell(rows)
  for _, row in ipairs(rows) do
    local person = redis.call('HGET', persons, row[1]) or ':'
    told[#told + 1] = '[' .. row[2][2] .. ',' .. cjson.encode(person) .. ']'
    last = row[1]
  end
end
"""
_ANSWER = "return {last, '[' .. table.concat(told, ',') .. ']'}\n"

PAGE = f"{_TOLD}tell(redis.call('XRANGE', events, ARGV[1], '+', 'COUNT', ARGV[2]))\n{_ANSWER}"

# A referral may have the beginning of another as its name.
ABOUT = f"""{_TOLD}
local first = ARGV[1] .. ':'
for _, name in ipairs(redis.call('ZRANGEBYLEX', KEYS[3], '[' .. first, '[' .. first .. '\\255')) do
  local id = string.sub(name, #first + 1)
  if string.find(id, '^%d+%-0$') then tell(redis.call('XRANGE', events, id, id)) end
end
{_ANSWER}"""

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
        # JSON keeps a float to its last bit; a whole number would come back as an int.
        at = event.at + 0.0
        kept = (str(event.kind), event.referral, at, event.facts, entry.veil, entry.digest)
        person = f"{entry.salt}:{event.person}"
        told += (event.key, event.referral, repr(at), person, _JSON.encode(kept))
    return told


_JSON = json.JSONEncoder(separators=(",", ":"))


def entries_in(tenant: str, page: str) -> list[Entry]:
    """The entries of a page."""
    return [_entry(tenant, kept, person) for kept, person in json.loads(page)]


def _entry(tenant: str, kept: list[Any], person: str) -> Entry:
    kind, referral, at, facts, veil, digest = kept
    salt, _, who = person.partition(":")
    told = tuple((name, value) for name, value in facts)
    return Entry(Event(Kind(kind), tenant, referral, who, at, told), salt, veil, digest)
