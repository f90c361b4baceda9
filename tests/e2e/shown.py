"""What a terminal shows of a run, and how it is left."""

from __future__ import annotations

import re
import termios
import time
from pathlib import Path

import psutil

from tests.e2e.terminal import Terminal

RUN = ("run", "--set", "seconds=1", "--requests", "20")
LEAVES = {b"\x1b[?1049l": "the alternate screen", b"\x1b[?25h": "the cursor hidden", b"\x1b[?1000l": "the mouse"}


def four_are_blocked(terminal: Terminal) -> bool:
    return "4 of 4 blocked" in terminal.text


TOOK = re.compile(r"WSGI took ([\d.]+) m?s, ASGI ([\d.]+) m?s")


def both_are_through(terminal: Terminal) -> None:
    terminal.until(lambda: TOOK.search(terminal.text) is not None, "both makespans")


def makespans(terminal: Terminal) -> tuple[float, float]:
    [(wsgi, asgi)] = TOOK.findall(terminal.text)
    return float(wsgi), float(asgi)


def running(terminal: Terminal) -> list[psutil.Process]:
    """Wait until requests are on; give all processes."""
    terminal.shows("blocked")
    return terminal.note_children()


def nothing_is_left(children: list[psutil.Process], tmp_path: Path) -> None:
    """To be called before the terminal is closed, which ends what is left."""
    deadline = time.monotonic() + 8
    left: list[psutil.Process] = children
    while time.monotonic() < deadline:
        left = [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
        if not left and not list(tmp_path.glob("wsgiviz-*")):
            return
        time.sleep(0.02)
    raise AssertionError(f"left: {left} {list(tmp_path.iterdir())}")


def is_as_it_was(terminal: Terminal) -> None:
    for sequence, what in LEAVES.items():
        assert sequence in terminal.sent, f"{what} is left"
    now = termios.tcgetattr(terminal.slave)
    assert now[:4] == terminal.modes[:4]
