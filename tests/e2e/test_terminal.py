"""From the keyboard to the screen, with real servers, in a real terminal; and every way out of it."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import psutil
import pytest

from tests.e2e.terminal import Terminal
from wsgiviz.log import open_recording

RUN = ("run", "--set", "seconds=1", "--requests", "20")
LEAVES = {b"\x1b[?1049l": "the alternate screen", b"\x1b[?25h": "the cursor hidden", b"\x1b[?1000l": "the mouse"}


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {"XDG_RUNTIME_DIR": str(tmp_path)}


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


def test_a_newcomer_sees_four_workers_block_and_the_loop_finish_earlier(env: dict[str, str], tmp_path: Path) -> None:
    with Terminal(*RUN, env=env) as terminal:
        terminal.until(lambda: four_are_blocked(terminal), "four workers that are blocked")
        assert "wait in the kernel" in terminal.text
        both_are_through(terminal)
        wsgi, asgi = makespans(terminal)
        assert wsgi >= 4 * asgi
        assert "An event loop fits this load." in terminal.text
        terminal.press(" ")
        terminal.until(lambda: four_are_blocked(terminal), "the next burst")
        assert_where_they_wait_is_marked_in_the_code(terminal)
        children = terminal.note_children()
        terminal.press("q")
        assert terminal.ends() == 0
        is_as_it_was(terminal)
        nothing_is_left(children, tmp_path)


def assert_where_they_wait_is_marked_in_the_code(terminal: Terminal) -> None:
    terminal.press("v")  # twenty lanes leave no room for it
    terminal.shows("workers 1 2 3 4")
    [line] = [line for line in terminal.lines if "workers 1 2 3 4" in line]
    assert "time.sleep" in line
    assert "▶" in line


def test_a_session_is_recorded_and_saved_and_replayed_without_a_server(env: dict[str, str], tmp_path: Path) -> None:
    file, saved = tmp_path / "session.wviz", tmp_path / "saved.wviz"
    with Terminal("run", "--set", "seconds=0.5", "--requests", "12", "--record", str(file), env=env) as terminal:
        both_are_through(terminal)
        assert "rec  " in terminal.lines[0]
        live = makespans(terminal)
        save(terminal, saved)
        terminal.press("q")
        assert terminal.ends() == 0
        assert b"recorded to" in terminal.sent
    assert makespans_in(saved) == makespans_in(file)
    with Terminal("replay", str(file), env=env) as terminal:
        terminal.shows("replay 1×")
        terminal.until(lambda: four_are_blocked(terminal), "four workers that were blocked")
        terminal.press(" ")
        terminal.shows("replay 1×, paused")
        terminal.press("f")
        terminal.shows("This is a recording")
        terminal.press("\x1b[F")  # the key End
        both_are_through(terminal)
        assert makespans(terminal) == live
        assert terminal.note_children() == []
        terminal.press("q")
        assert terminal.ends() == 0


def save(terminal: Terminal, file: Path) -> None:
    """By the dialog that `w` opens."""
    terminal.press("w")
    terminal.shows("Save this run")
    terminal.shows("wsgiviz-sleep-")
    terminal.press("\x15")  # ctrl+u: an empty field
    terminal.until(lambda: "wsgiviz-sleep-" not in terminal.text, "an empty field")
    terminal.press(str(file))
    terminal.shows("saved.wviz")
    terminal.press("\r")
    terminal.shows("Saved to")


def makespans_in(recording: Path) -> list[int]:
    """Of both sides, as the last state in it has them."""
    with open_recording(recording) as opened:
        assert opened.damage == ""
        *_, last = opened.snapshots()
    return [side.run.last_finished_ns - side.run.first_planned_ns for side in last.state.sides.values()]


@pytest.mark.parametrize(
    ("key", "number", "status"),
    [("\x03", None, 0), ("", signal.SIGTERM, 143), ("", signal.SIGINT, 130)],
    ids=["ctrl-c", "SIGTERM", "SIGINT"],
)
def test_the_terminal_is_as_it_was(
    key: str, number: signal.Signals | None, status: int, env: dict[str, str], tmp_path: Path
) -> None:
    with Terminal(*RUN, env=env) as terminal:
        children = running(terminal)
        if number is not None:
            terminal.send(number)
        else:
            terminal.press(key)
            terminal.read(0.5)
            if terminal.process.poll() is None:  # Textual asks for ctrl+q; ours is q
                terminal.press("q")
        left = terminal.ends()
        assert left == status
        is_as_it_was(terminal)
        nothing_is_left(children, tmp_path)


@pytest.mark.parametrize("how", ["SIGHUP", "SIGKILL"])
def test_nothing_is_left_when_the_viewer_is_gone(how: str, env: dict[str, str], tmp_path: Path) -> None:
    with Terminal("--ascii", *RUN, env=env) as terminal:
        terminal.until(lambda: four_are_blocked(terminal), "four workers that are blocked")
        assert terminal.text.isascii(), "all there is when that is asked for"
        children = terminal.note_children()
        terminal.send(signal.Signals[how])
        terminal.ends()
        nothing_is_left(children, tmp_path)


def test_a_terminal_that_shrinks_says_so_may_grow_again_and_may_be_closed(
    env: dict[str, str], tmp_path: Path
) -> None:
    with Terminal("run", "--set", "seconds=3", env=env) as terminal:
        children = running(terminal)
        terminal.resize(40, 10)
        terminal.shows("too small")
        terminal.resize(100, 30)
        terminal.until(lambda: "blocked" in terminal.text and "too small" not in terminal.text, "the panes")
        terminal.hang_up()
        terminal.process.wait(timeout=10)
        nothing_is_left(children, tmp_path)


@pytest.mark.parametrize("size", [(40, 10), (59, 40), (120, 15)])
def test_a_terminal_too_small_is_refused(size: tuple[int, int], env: dict[str, str]) -> None:
    with Terminal(size=size, env=env) as terminal:
        assert terminal.ends() == 2
        assert b"too small" in terminal.sent
        assert b"Traceback" not in terminal.sent


def test_without_a_terminal_it_says_what_to_do_instead() -> None:
    command = [sys.executable, "-m", "wsgiviz"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[0] == "wsgiviz: this is not a terminal"
    assert "--headless" in done.stderr
