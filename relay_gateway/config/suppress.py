"""The list of those who want no offers: keyed hashes of persons, one a line, never an address."""

from __future__ import annotations

from pathlib import Path

from relay_gateway.config.certificates import BadFile
from relay_gateway.core import link


def read(path: Path) -> frozenset[str]:
    """The persons on the list, nobody if there is none yet; `BadFile` if it cannot be trusted."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return frozenset()
    except (OSError, UnicodeDecodeError) as fault:
        raise BadFile("suppress_file", f"{path} cannot be read ({fault})") from fault
    persons = set()
    for at, line in enumerate(lines, 1):
        person = line.strip()
        if not person or person.startswith("#"):
            continue
        if not link.is_person(person):
            how = "delete it, and add the address with relay-gateway person suppress"
            raise BadFile("suppress_file", f"line {at} of {path} is no person's key; {how}")
        persons.add(person)
    return frozenset(persons)


def add(path: Path, persons: tuple[str, ...]) -> bool:
    """Put persons on the list; False if they all stood there before."""
    new = [person for person in persons if person not in read(path)]
    if not new:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    is_new = not path.exists()
    path.touch(mode=0o640)
    with path.open("a", encoding="utf-8") as file:
        if is_new:
            file.write(_HEAD)
        elif not path.read_text("utf-8").endswith("\n"):
            file.write("\n")
        file.writelines(f"{person}\n" for person in new)
    return True


_HEAD = "# Persons who want no offers, as keyed hashes. Written by relay-gateway person suppress.\n"
