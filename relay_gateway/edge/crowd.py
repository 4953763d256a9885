"""How many clients are here, at all listeners of a process, and whether there is room for more."""

from __future__ import annotations

from collections import Counter
from enum import Enum, auto

from relay_gateway.edge.conversation import Limits


class Place(Enum):
    """Where a client is: in, waiting to show who it is, or being sent away."""

    KNOWN = auto()
    STRANGER = auto()
    DOOR = auto()


class Crowd:
    """Counts clients by place and address; who may send loses no place to those who may not."""

    def __init__(self) -> None:
        self._places: Counter[Place] = Counter()
        self._addresses: Counter[str] = Counter()

    def take(self, place: Place, address: str, limits: Limits) -> bool:
        """Count one more client, unless there is no room for it."""
        has_room = self._has_room(place, limits) and (
            place is Place.DOOR or self._addresses[address] < limits.connections_per_address
        )
        if has_room:
            self._places[place] += 1
            self._addresses[address] += place is not Place.DOOR
        return has_room

    def promote(self, limits: Limits) -> bool:
        """Let a stranger in that has shown who it is, if there is room."""
        has_room = self._has_room(Place.KNOWN, limits)
        if has_room:
            self._places[Place.STRANGER] -= 1
            self._places[Place.KNOWN] += 1
        return has_room

    def leave(self, place: Place, address: str) -> None:
        """Count one client less."""
        self._places[place] -= 1
        self._addresses[address] -= place is not Place.DOOR
        if self._addresses[address] <= 0:
            del self._addresses[address]

    def _has_room(self, place: Place, limits: Limits) -> bool:
        here = self._places
        if place is Place.KNOWN:
            return here[place] < limits.connections
        if place is Place.DOOR:
            return here[place] < limits.strangers
        return here[place] < min(limits.strangers, limits.connections - here[Place.KNOWN])
