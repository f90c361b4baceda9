"""A request as rows: bars on one axis, their words and durations, every stamp and fact; in every width."""

from __future__ import annotations

from dataclasses import replace as replaced
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.unit.lint_contexts import but
from tests.unit.states import MS, RUN, SLEEP, T0, S, awaiting_tasks, sleeping_workers
from tests.unit.test_ledger import whole
from tests.unit.test_waterfall import requests, times
from wsgiviz.analysis.entries import entries
from wsgiviz.state import Activity, Location, Request, Side, Step, Task
from wsgiviz.tui.render.glyphs import ASCII, UNICODE, Glyphs
from wsgiviz.tui.render.line import Row, text_of
from wsgiviz.tui.render.waterfall import RequestView, rows

WIDTHS = (46, 51, 72, 99, 100, 190)


def view(request: Request, now_ns: int = T0 + S, side: Side | None = None, glyphs: Glyphs = UNICODE) -> RequestView:
    side = side or sleeping_workers(0.5)
    return RequestView(request, entries(side, [request])[0], now_ns, glyphs)


def lines(shown: RequestView, width: int = 72) -> list[str]:
    return [text_of(row).rstrip() for row in rows(shown, width)]


def line(shown: RequestView, begins: str, width: int = 72) -> str:
    return next(text for text in lines(shown, width) if text.startswith(begins))


def held(**more: object) -> Request:
    return whole(response_ns=0, returned_ns=0, ended_ns=0, received_ns=0, status=0, **more)


def test_each_interval_is_a_bar_with_its_word_and_its_duration_and_they_add_up() -> None:
    shown = lines(view(whole()))
    words = [text.split("  ")[0].split(" │")[0].rstrip() for text in shown[:9]]
    assert words[:4] == ["schedule lag", "connecting", "kernel queue", "reading"]
    assert [text.split()[-2:] for text in shown[:9]] == [[f"{ms:.3f}", "ms"] for ms in (1, 1, 8, 1, 50, 1, 1, 2, 65)]
    assert shown[8].startswith("latency        0")


@pytest.mark.parametrize(("computes", "colour", "texture"), [(True, "computing", "▞"), (False, "blocked", "█")])
def test_a_step_that_holds_the_loop_is_blocked_unless_it_computes(computes: bool, colour: str, texture: str) -> None:
    """As in the lanes; a short one runs, whatever the process does for the rest of the time."""
    ends, tasks = [T0 + ms * MS for ms in (11, 511, 521, 571)], (Task.RUNNING, Task.AWAITING, Task.RUNNING)
    steps = [Step(begin, end, task) for (begin, end), task in zip(pairwise(ends), tasks, strict=True)]
    stepped = whole(ended_ns=ends[-1], received_ns=T0 + 600 * MS, response_ns=0, returned_ns=0, steps=tuple(steps))
    shown = rows(replaced(view(stepped, side=awaiting_tasks(0.5)), computes=computes), 72)
    running = [row for row in shown if text_of(row).startswith("running")]
    drawn = [{part.style.front for part in row if set(part.text) & set("▞█")} for row in running]
    assert drawn == [{colour}, {"computing"}]
    assert texture in text_of(running[0])


def test_bars_stand_one_behind_the_other_to_scale() -> None:
    shown = lines(view(whole()))
    queue, call = shown[2], shown[4]
    assert queue.index("●") + queue.count("●") <= call.index("█") <= queue.index("●") + queue.count("●") + 2
    cells = call.count("█") + call.count("▉")
    assert 0.7 * 44 <= cells <= 0.85 * 44  # 50 of 65 ms


def test_the_app_s_time_looks_as_it_was_spent() -> None:
    assert "▞▞▞" in line(view(whole(cpu_ns=40 * MS)), "call")
    assert "███" in line(view(whole(cpu_ns=1 * MS)), "call")
    for_gil = view(whole(cpu_ns=10 * MS, gil_ns=30 * MS))
    assert UNICODE.texture[Activity.WAITING_FOR_GIL] * 3 in line(for_gil, "call")
    assert any("waited 30 ms for it, 58 %" in text for text in lines(for_gil))
    side = sleeping_workers(0.5)
    worker = replace(side.server.workers[100, 0], pid=101, req=RUN + 17, activity=Activity.COMPUTING)
    side = but(side, workers={worker.key: worker})
    assert "▞▞▞" in line(view(held(), side=side), "call")


def test_a_task_s_steps_have_the_textures_of_its_lane() -> None:
    side = awaiting_tasks(2.5)
    assert "━━━━━" in line(view(side.ledger.latest(20)[7], side=side), "awaiting")


def test_what_is_too_short_is_a_mark_in_its_place() -> None:
    shown = lines(view(whole(ended_ns=T0 + 10 * S, received_ns=T0 + 10 * S + MS)))
    assert [text.count("│") for text in shown[:4]] == [1, 1, 1, 1]
    assert [text.index("│") for text in shown[:4]] == [15, 15, 15, 15]
    assert line(view(whole()), "reading").index("│") == 21  # 10 of 65 ms, on 44 cells


def test_one_in_progress_grows_in_calm_steps_with_its_place_in_the_code() -> None:
    now = view(held(where=SLEEP, within=Location("lib/time.py", 3, "nap")), T0 + 555 * MS)
    assert line(now, "call").split()[-2:] == ["400", "ms"]
    assert line(now, "latency").split()[-2:] == ["500", "ms"]
    assert "sleep.py:14 time.sleep" in line(now, "call", 120)
    assert line(now, "at ").split(maxsplit=1)[1] == "sleep.py:14 time.sleep"
    assert line(now, "innermost").split(maxsplit=1)[1] == "time.py:3 in nap"
    again = view(held(where=SLEEP), T0 + 599 * MS)
    assert lines(again)[:6] == lines(now)[:6]


def test_every_stamp_counts_from_planned_and_says_when_it_is_not_known() -> None:
    assert line(view(whole()), "app began").split()[-2:] == ["11.000", "ms"]
    assert line(view(whole(connected_ns=0)), "connected").split()[-1] == "n/a"
    assert line(view(held()), "closed").endswith("not yet")
    assert line(view(held(connected_ns=0)), "connected").endswith("n/a")
    chunked = view(whole(chunks=(T0 + 62 * MS + MS // 2,)))
    assert line(chunked, "chunk 1  ").split()[-2:] == ["0.500", "ms"]
    assert "chunk 1                 62.500 ms" in lines(chunked)


def test_the_facts() -> None:
    shown = view(whole(target="GET /a", slot=2, cpu_ns=13 * MS, children=1, children_started=4))
    assert line(shown, "request").endswith("GET /a")
    assert line(shown, "worker").endswith("worker 2, pid 101, slot 2")
    assert line(shown, "CPU").endswith("13.000 ms, 25 % of its time in the app")
    assert line(shown, "child tasks").endswith("1 live, 4 started")
    assert line(view(whole()), "CPU").endswith("n/a")


def test_a_failure_is_said_and_what_the_app_did_after_it_is_no_part_of_the_latency() -> None:
    shown = view(whole(received_ns=0, failed_ns=T0 + 30 * MS, error="timeout", status=0))
    assert line(shown, "status").endswith("timeout")
    assert line(shown, "for nobody").split()[-2:] == ["33.000", "ms"]
    assert line(shown, "latency").split()[-2:] == ["30.000", "ms"]
    assert line(shown, "failed").split()[-2:] == ["30.000", "ms"]


def test_texts_from_a_request_are_shown_as_escapes() -> None:
    shown = view(whole(target="GET /\x1b[2J\u202e", error="\x07", where=Location("\x1b]0;x", 1, "f")), glyphs=ASCII)
    text = "\n".join(lines(shown, 190))
    assert r"GET /\x1b[2J\u202e" in text
    assert r"\x1b]0;x:1 in f" in text
    assert text.replace("\n", "").isprintable()
    assert text.isascii()


def test_facts_stand_beside_the_stamps_where_there_is_room() -> None:
    assert "side        wsgi" in line(view(whole()), "sent", 100)
    assert "side        wsgi" not in line(view(whole()), "sent", 99)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
def test_every_row_is_as_wide_as_it_should_be(width: int, glyphs: Glyphs) -> None:
    tasks = awaiting_tasks(2.5)
    made: list[Row] = []
    for shown in (
        view(whole(), glyphs=glyphs),
        view(held(), glyphs=glyphs),
        view(tasks.ledger.latest(20)[0], side=tasks),
    ):
        made += rows(replace_note(shown), width)
    assert {len(text_of(row)) for row in made} == {width}


def replace_note(shown: RequestView) -> RequestView:
    return RequestView(shown.request, shown.entry, shown.now_ns, shown.glyphs, "not kept any more")


@given(requests, times, st.sampled_from(WIDTHS), st.sampled_from([UNICODE, ASCII]))
def test_any_request_can_be_shown(request: Request, now: int, width: int, glyphs: Glyphs) -> None:
    made = rows(view(request, now, glyphs=glyphs), width)
    assert {len(text_of(row)) for row in made} == {width}
