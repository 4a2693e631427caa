"""What a terminal shows while a scan takes long, and that nothing else ever shows it."""

import fcntl
import io
import os
import struct
import sys
import termios

import pytest

from keyfuse_scanner.objectstore import Progress
from keyfuse_scanner.progress import line, shown

_MARK = "(end)"
HALF = Progress(1 << 20, 2 << 20, 260_312, 1_400_000_000)


class Terminal:
    """A real one: what is written to `stream` is read from the other side."""

    def __init__(self, columns):
        self._ours, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.stream = os.fdopen(theirs, "w")

    def read(self):
        """Return what was written since; a mark behind it tells when all of it has come through."""
        self.stream.write(_MARK)
        self.stream.flush()
        said = ""
        while not said.endswith(_MARK):
            said += os.read(self._ours, 1 << 16).decode()
        return said.removesuffix(_MARK)


@pytest.fixture
def terminal():
    made = []

    def make(columns=80):
        made.append(Terminal(columns))
        return made[-1]

    yield make
    for each in made:
        each.stream.close()


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def test_a_line_says_how_far_how_much_how_fast_and_how_long():
    said = line(HALF, 2.0, 80)
    assert said == "50 %, 2 s left, 1.4 GB in 260,312 objects, 700 MB/s"
    assert line(HALF, 2.0, 14) == "50 %, 2 s left"
    assert "2:05 min left" in line(HALF, 125.0, 80)
    assert line(Progress(0, 0, 0, 0), 1.0, 80) == "0 %, 0 bytes in 0 objects, 0 bytes/s"


def test_nothing_is_shown_before_a_second_and_nothing_stays(terminal):
    screen, clock = terminal(30), Clock()
    with shown(screen.stream, clock) as show:
        clock.now += 0.9
        show(HALF)
        assert screen.read() == ""
        clock.now += 1.1
        show(HALF)
        first = screen.read()
        assert first == "\r" + line(HALF, 2.0, 29)
        show(HALF)
        assert screen.read() == "", "nobody reads as fast as that"
        clock.now += 1
        show(Progress(2 << 20, 2 << 20, 2, 3))
    rest = screen.read()
    assert rest.startswith("\r100 %, 0 s left")
    *_, last, after = rest.split("\r")
    assert (last.strip(), after) == ("", "")
    assert len(last) == 29, "all that was shown is overwritten"


def test_a_short_scan_leaves_a_terminal_alone(terminal):
    screen = terminal()
    with shown(screen.stream, Clock()) as show:
        show(HALF)
    assert screen.read() == ""


def test_a_terminal_that_does_not_know_its_width_has_eighty_columns(terminal):
    screen, clock = terminal(0), Clock()
    with shown(screen.stream, clock) as show:
        clock.now += 2
        show(HALF)
        assert screen.read() == "\r" + line(HALF, 2.0, 79)


def test_a_file_or_pipe_gets_nothing():
    with shown(io.StringIO(), Clock()) as show:
        assert show is None


def test_the_command_shows_it_on_standard_error_alone(repo, keyfuse, terminal, monkeypatch):
    repo.commit(a_txt="nothing\n")
    monkeypatch.setattr("keyfuse_scanner.progress._LONG", 0)
    screen = terminal()
    monkeypatch.setattr(sys, "stderr", screen.stream)
    outcome = keyfuse("scan", "--history", "--json", "--no-cache")
    assert (outcome.code, outcome.out[:1]) == (0, "{")
    said = screen.read()
    assert "100 %" in said
    assert "3 objects" in said
    assert said.split("\r")[-2].strip() == ""
