"""What the program is for, from its start to its end, in a real terminal with real servers."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.shown import RUN, both_are_through, four_are_blocked, is_as_it_was, makespans, nothing_is_left
from tests.e2e.terminal import Terminal


def test_a_newcomer_sees_four_workers_block_and_the_loop_finish_earlier(env: dict[str, str], tmp_path: Path) -> None:
    with Terminal(*RUN, env=env) as terminal:
        terminal.until(lambda: four_are_blocked(terminal), "four workers that are blocked")
        assert "wait in the kernel" in terminal.text
        both_are_through(terminal)
        wsgi, asgi = makespans(terminal)
        assert wsgi >= 4 * asgi
        terminal.shows("An event loop fits this load.")
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
