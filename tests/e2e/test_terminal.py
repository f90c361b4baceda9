"""From the keyboard to the screen, with real servers, in a real terminal; and every way out of it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.shown import RUN, both_are_through, four_are_blocked, is_as_it_was, makespans, nothing_is_left, running
from tests.e2e.terminal import Terminal
from wsgiviz.log import open_recording

pytestmark = pytest.mark.xdist_group("terminal")  # it judges no times


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
