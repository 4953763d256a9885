"""The file by which a gateway is found."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from relay_gateway.edge.pid_file import Note, PidFile, read

NOTE = Note(4711, 3, begun=5, ended=4, faults=("gateway.yaml:1:2: what", "another"))


def test_what_is_written_is_read_while_it_is_held(tmp_path: Path):
    held = PidFile(tmp_path / "var" / "its.pid")
    held.write(NOTE)
    assert read(held.path) == NOTE
    assert held.path.read_text().startswith("4711 3\n")
    held.write(Note(4711, 4, 6, 6))
    assert read(held.path) == Note(4711, 4, 6, 6)
    held.leave()


def test_a_file_that_nobody_holds_names_nobody(tmp_path: Path):
    held = PidFile(tmp_path / "its.pid")
    held.write(NOTE)
    held.leave()

    assert read(held.path) is None
    assert read(tmp_path / "other.pid") is None
    # To have looked does not keep the next one from holding it.
    PidFile(tmp_path / "its.pid").leave()


def test_a_file_that_is_being_written_names_no_process(tmp_path: Path):
    held = PidFile(tmp_path / "its.pid")
    assert read(held.path) == Note(0, 0)
    held.leave()


def test_who_reads_while_it_is_written_finds_the_old_or_the_new(tmp_path: Path):
    held, found = PidFile(tmp_path / "its.pid"), set()
    short = Note(4711, 3)
    held.write(NOTE)

    def write() -> None:
        for _ in range(500):
            held.write(short)
            held.write(NOTE)

    writing = threading.Thread(target=write)
    writing.start()
    while writing.is_alive():
        found.add(read(held.path))
    writing.join()
    held.leave()
    assert found <= {short, NOTE}


def test_only_one_holds_it(tmp_path: Path):
    held = PidFile(tmp_path / "its.pid")
    with pytest.raises(OSError, match="another gateway holds it"):
        PidFile(tmp_path / "its.pid")
    held.leave()


def test_a_link_to_another_file_is_not_followed(tmp_path: Path):
    (tmp_path / "precious").write_text("words")
    (tmp_path / "its.pid").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="symbolic"):
        PidFile(tmp_path / "its.pid")
    assert (tmp_path / "precious").read_text() == "words"
