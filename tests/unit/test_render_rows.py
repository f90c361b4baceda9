"""A pane as text: what a person reads in each state."""

from __future__ import annotations

from dataclasses import replace

import pytest
from msgspec.structs import replace as changed

from tests.unit.states import (
    MS,
    RUN,
    T0,
    S,
    awaiting_tasks,
    ledger_of,
    mixed_tasks,
    mixed_workers,
    sleeping_workers,
)
from wsgiviz.analysis.theory import Prediction
from wsgiviz.state import Activity, Death, Location, Loop, Request, Run, Server, Side, Span, Task, Worker
from wsgiviz.tui.render.glyphs import ASCII
from wsgiviz.tui.render.line import text_of
from wsgiviz.tui.render.rows import Memory, rows
from wsgiviz.tui.render.view import PaneView


def guess(seconds: float, formula: str = "⌈20/4⌉ × 1.0 s", caveat: str = "") -> Prediction:
    return Prediction(seconds, formula, caveat)


def view_of(side: Side, now_s: float, end_s: float = 5.5) -> PaneView:
    return PaneView(side, "gunicorn sync, 4 workers", T0 + int(now_s * S), T0, T0 + int(end_s * S))


def shown(view: PaneView, width: int = 59, height: int = 18) -> list[str]:
    return [text_of(row).rstrip() for row in rows(view, width, height)]


def test_workers_in_mid_sleep() -> None:
    view = replace(view_of(sleeping_workers(2.41), 2.41), prediction=guess(5.0))
    assert shown(view) == [
        " WSGI   gunicorn sync, 4 workers",
        " queue  ●●●●●●●●○○○○○○○○  8 wait in the kernel   peak 16",
        " busy   ████████████████  4 of 4 blocked",
        " in app  4 now   peak  4   held by 4 workers",
        "",
        "    1 ■ ███#1████▏███#5███▎██▊",
        "        blocked 0.4 s on #9   sleep.py:14 time.sleep",
        "    2 ■ ███#2████▏███#6███▎██▊",
        "        blocked 0.4 s on #10   sleep.py:14 time.sleep",
        "    3 ■ ███#3████▏███#7███▎██▊",
        "        blocked 0.4 s on #11   sleep.py:14 time.sleep",
        "    4 ■ ███#4████▏███#8███▎██▊",
        "        blocked 0.4 s on #12   sleep.py:14 time.sleep",
        "        0s       1s       2s ▲ now 3s       4s       5s",
        "",
        " ╶─╮ ╷ ╷    8 of 20 answered    4.0/s   p50 1.00 s",
        " ┌─┘ ╰─┤    predicted 5.00 s = ⌈20/4⌉ × 1.0 s",
        " ╰─╴•  ╵s",
    ]


def test_threads_are_held_and_no_workers_where_they_are_threads() -> None:
    threads = changed(sleeping_workers(2.41), kind="gthread")
    assert " in app  4 now   peak  4   held by 4 threads" in shown(view_of(threads, 2.41))
    through = changed(sleeping_workers(9.0), kind="gthread")
    assert " in app  0 now   peak  4   every thread is free" in shown(view_of(through, 9.0))


def test_the_loop_when_all_is_answered() -> None:
    view = replace(
        view_of(awaiting_tasks(2.41), 2.41), title="gunicorn asgi, 1 worker", prediction=guess(1.0, "1.0 s")
    )
    assert shown(replace(view, makespan_s=1.03)) == [
        " ASGI   gunicorn asgi, 1 worker",
        " queue  ○○○○○○○○○○○○○○○○  none waiting   backlog 2048",
        " loop   ░░░░░░░░░░░░░░░░  ○ idle in select   await 0",
        " in app  0 now   peak 20   run  0  ready  0  await  0",
        "",
        "   #1 ✓ │━━━━━━━━│  1.01 s",
        "   #2 ✓ │━━━━━━━━│  1.01 s",
        "   #3 ✓ │━━━━━━━━│  1.01 s",
        "   #4 ✓ │━━━━━━━━│  1.01 s",
        "   #5 ✓ │━━━━━━━━│  1.01 s",
        "   #6 ✓ │━━━━━━━━│  1.02 s",
        "   #7 ✓ │━━━━━━━━│  1.02 s",
        "  ⋮     13 more, all answered",
        "        0s       1s       2s ▲ now 3s       4s       5s",
        "",
        " ╶╮  ╭─╮╶─╮    20 of 20 answered   19.4/s   p50 1.02 s",
        "  │  │ │ ─┤    predicted 1.00 s = 1.0 s  +3.0 %",
        " ╶┴╴•╰─╯╶─╯s",
    ]


def test_both_panes_have_the_same_rows_in_the_same_places() -> None:
    for height in range(8, 45):
        left = shown(view_of(sleeping_workers(2.0), 2.0), height=height)
        right = shown(view_of(awaiting_tasks(2.0), 2.0), height=height)
        assert len(left) == len(right) == height
        for one, other in zip(left, right, strict=True):
            label = one[1:7].strip()
            if label in ("queue", "in app", "done", "total", "failed") or "now" in one:
                assert other.startswith(one[:8]) or "▲ now" in other


def test_one_worker_serves_one_at_a_time() -> None:
    lines = shown(view_of(sleeping_workers(2.5, workers=1), 2.5))
    assert " busy   ████████████████  1 of 1 blocked" in lines
    assert lines[5].startswith("    1 ■ ███#1████▏███#2███▎")


def test_sixteen_workers_in_fourteen_rows() -> None:
    lines = shown(view_of(sleeping_workers(0.5, workers=16, requests=200), 0.5), width=38, height=14)
    assert lines[3].startswith("    1 ■ ")
    assert lines[9].startswith("    7 ■ ")
    assert lines[10] == "  ⋮     9 more, all blocked"
    assert lines[1] == " queue ●●●●●●●●● 184 in the kernel"
    assert lines[2] == " busy  █████████ 16 of 16 blocked"


def test_words_without_room_are_left_out_not_cut() -> None:
    lines = shown(view_of(sleeping_workers(0.5, workers=16, requests=200), 0.5), width=38, height=15)
    assert lines[3] == " in app  16 now   peak  16"


def test_lanes_can_be_scrolled_and_say_what_is_above() -> None:
    view = replace(view_of(sleeping_workers(0.5, workers=16, requests=200), 0.5), scroll=99)
    lines = shown(view, width=38, height=14)
    assert lines[3].startswith("   10 ■ ")
    assert lines[10] == "  ⋮     9 ↑"


def test_a_killed_worker_shows_its_death_and_its_last_request() -> None:
    lines = shown(view_of(mixed_workers(2.3), 2.3), height=24)
    lane = next(index for index, line in enumerate(lines) if line.startswith("    3 "))
    assert lines[lane].startswith("    3 ✕ ████#3███")
    assert lines[lane].endswith("✕")
    assert lines[lane + 1] == "        killed by SIGKILL, held #3"


def test_its_death_is_said_in_its_lane_where_lanes_have_no_second_line() -> None:
    lines = shown(view_of(mixed_workers(2.3), 2.3), height=15)
    assert any(line.startswith("    3 ✕") and line.endswith("✕ killed by SIGKILL, held #3") for line in lines)


def test_each_state_of_a_worker_has_its_sign_and_its_word() -> None:
    text = "\n".join(shown(view_of(mixed_workers(2.3), 2.3), height=24))
    for sign, word in [
        ("1 ▲", "computing 1.3 s on #5   cpu.py:9 fibonacci"),
        ("2 ◔", "reading 0.4 s"),
        ("4 ·", "idle"),
        ("5 ◕", "writing 0.2 s on #6"),
        ("6 ↻", "booting 0.4 s"),
    ]:
        lane = text.index(f"    {sign}")
        assert f"\n        {word}\n" in text[lane:]


def test_what_is_not_known_of_the_kernel_is_not_zero() -> None:
    lines = shown(view_of(mixed_workers(2.3), 2.3), height=24)
    assert lines[2].split() == ["queue", "n/a"]


def test_a_full_queue_says_so() -> None:
    lines = shown(view_of(mixed_tasks(2.3), 2.3), height=24)
    assert "full: 101" in lines[2]


def test_failures_are_counted_by_kind() -> None:
    lines = shown(view_of(mixed_workers(2.3), 2.3), width=80, height=24)
    assert lines[-1].endswith("s   1 reset, 2 timeout, 1 bad status, 1 worker died")
    assert "3 of 20 answered" in lines[-3]
    assert "4 failed" in lines[-3]


def test_a_held_loop_names_its_holder() -> None:
    lines = shown(view_of(mixed_tasks(2.3), 2.3), width=70, height=24)
    assert "■ held 0.6 s by #2" in lines[3]
    assert any(line.startswith("   #2 ▶") and line.endswith("holds the loop 0.6 s") for line in lines)


def test_a_loop_whose_thread_waits_for_the_gil_is_not_said_to_be_held_by_what_it_runs() -> None:
    side = mixed_tasks(2.3)
    workers = {(0, 0): Worker(0, 1, Activity.IDLE, T0, lacks_gil=True)}
    lacking = changed(side, server=changed(side.server, workers=workers))
    lines = shown(view_of(lacking, 2.3), width=70, height=24)
    assert any(line.startswith("   #2 ▶") and line.endswith("waits for the GIL 0.6 s") for line in lines), lines


@pytest.mark.parametrize(("task", "sign", "texture"), [
    (Task.THREAD_COMPUTES, "▲", "▞"), (Task.THREAD_FOR_GIL, "△", "╱"), (Task.IN_PROCESS, "⇉", "≡"),
    (Task.FOR_PROCESS, "◌", "┈"), (Task.IN_THREAD, "⇄", "═"),
])  # fmt: skip
def test_what_a_thread_behind_a_loop_does_has_a_sign_and_a_texture(task: Task, sign: str, texture: str) -> None:
    side = awaiting_tasks(0.7)
    first = next(iter(side.ledger.ours()))
    ledger = ledger_of([changed(first, task=task, steps=(changed(first.steps[-1], task=task),))])
    line = next(line for line in shown(view_of(changed(side, ledger=ledger), 0.7, 1.0), 100) if "#1" in line)
    assert line.startswith(f"   #1 {sign}")
    assert texture * 3 in line


def test_a_task_s_states_have_their_signs_and_textures() -> None:
    lines = shown(view_of(mixed_tasks(2.3), 2.3), width=70, height=24)
    lines = lines[:6] + [
        line for line in lines[6:] if line.strip()
    ]  # lanes have blanks between them where there is room
    assert lines[6].startswith("   #1 ○ ")
    assert "━░░░" in lines[6]
    assert lines[8].startswith("   #3 ◇ ")
    assert lines[8].endswith("░░░░")
    assert lines[9].startswith("   #4 ● ···")
    assert lines[10].startswith("   #5 ✕ ")
    assert lines[10].endswith("  status 500")


def test_a_failed_prediction_says_by_how_much() -> None:
    done = sleeping_workers(6.0)
    view = replace(view_of(done, 6.0), prediction=guess(4.0, "", "the CPU is shared"), makespan_s=5.04)
    lines = shown(view, height=20)
    assert lines[-2].endswith("predicted 4.00 s  +26 %")
    assert lines[-1].endswith("s   the CPU is shared")
    low = shown(view, height=16)
    assert low[-1] == " total time predicted 4.00 s   measured 5.04 s  +26 %", "where there is no room for digits"


def test_a_run_that_a_time_ends_counts_seconds_and_not_a_hundred_thousand() -> None:
    side = sleeping_workers(1.0)
    timed = replace(view_of(changed(side, run=changed(side.run, planned=100_000)), 1.0), timed_s=4.0)
    text = "\n".join(shown(timed))
    assert f"{side.run.done}, 1.0 of 4 s" in text
    assert "100000" not in text
    over = changed(side, run=changed(side.run, planned=side.run.done, ended_ns=side.run.started_ns + 4_000_000_000))
    done = side.run.done
    assert f"{done} of {done} answered" in "\n".join(shown(replace(view_of(over, 4.0), timed_s=4.0)))


def test_before_anything_has_happened() -> None:
    lines = shown(view_of(Side("wsgi"), 0.0))
    assert "no worker yet" in lines[2]
    assert lines[-2] == " no prediction"
    assert shown(view_of(Side("wsgi"), 0.0), height=16)[-1] == " total time no prediction"
    assert "no loop yet" in shown(view_of(Side("asgi", "asgi"), 0.0))[2]


@pytest.mark.parametrize("kind", ["sync", "asgi"])
def test_a_master_that_loads_the_app_is_named_where_workers_will_be(kind: str) -> None:
    loading = Server(loading_ns=T0, boot_where=Location("slow.py", 3, "<module>", "time.sleep"))
    view = view_of(Side("wsgi" if kind == "sync" else "asgi", kind, server=loading), 1.5)
    assert "master loads 1.5 s at slow.py:3 time.sleep" in shown(view, width=90)[2]


@pytest.mark.parametrize("side", [sleeping_workers(2.4), awaiting_tasks(0.7), mixed_workers(2.3), mixed_tasks(2.3)])
@pytest.mark.parametrize("size", [(38, 14), (59, 18), (100, 40)])
def test_ascii_is_ascii(side: Side, size: tuple[int, int]) -> None:
    view = replace(view_of(side, 2.4), glyphs=ASCII, prediction=guess(5.0), title="gunicorn — sync")
    for line in shown(view, *size):
        assert line.isascii(), line


def test_ascii_lanes() -> None:
    view = replace(view_of(sleeping_workers(2.41), 2.41), glyphs=ASCII)
    assert shown(view)[5] == "    1 # ## #1 ##|### #5 #|####"
    mixed = "\n".join(shown(replace(view_of(mixed_workers(2.3), 2.3), glyphs=ASCII), height=24))
    for sign in ("1 ^", "2 r", "3 x", "4 .", "5 w", "6 ~"):
        assert f"    {sign}" in mixed


HOSTILE = "\x1b[2J[bold]\u202e中\x07"


def test_hostile_texts_are_escaped_everywhere() -> None:
    wsgi = sleeping_workers(2.4)
    where = Location(HOSTILE, 1, HOSTILE, HOSTILE)
    ledger = ledger_of(changed(request, where=where) for request in wsgi.ledger)
    wsgi = changed(wsgi, ledger=ledger, run=changed(wsgi.run, errors={HOSTILE: 3}, failed=3))
    bad = Request(RUN + 9, T0, T0, began_ns=T0, ended_ns=T0 + S, failed_ns=T0 + S, error=HOSTILE)
    asgi = awaiting_tasks(0.5)
    asgi = changed(asgi, ledger=ledger_of([*asgi.ledger, bad]))
    for side in (wsgi, asgi):
        view = replace(view_of(side, 2.4), title=HOSTILE, prediction=guess(1.0, HOSTILE, HOSTILE))
        text = "\n".join(shown(view, 100, 40))
        assert r"\x1b[2J[bold]\u202e\u4e2d\x07" in text
        assert all(line.isprintable() for line in text.splitlines())


def test_a_worker_with_too_many_short_requests_to_draw_shows_how_busy_it_was() -> None:
    spans = []
    for number in range(400):
        begin = T0 + number * 10 * MS
        spans.append(Span(begin, begin + 5 * MS, Activity.COMPUTING, RUN + number + 1))
        spans.append(Span(begin + 5 * MS, begin + 10 * MS, Activity.IDLE, 0))
    worker = Worker(1, 1, Activity.IDLE, spans[-1].start_ns, spans=tuple(spans))
    side = Side("wsgi", server=Server(workers={(1, 0): worker}), run=Run(planned=400))
    lines = [f"{line:59}"[8:38] for line in shown(view_of(side, 4.0))[5:9]]
    assert [set(line) for line in lines] == [{" "}, {" "}, {"█"}, {"█"}], "half of the lane's height"


def test_dead_workers_give_way_to_the_living() -> None:
    dead = [Worker(n, n, Activity.DEAD, T0 + n, death=Death(T0 + n, 9)) for n in range(1, 40)]
    alive = [Worker(n, n, Activity.IDLE, T0 + n) for n in range(40, 44)]
    side = Side("wsgi", server=Server(workers={each.key: each for each in (*dead, *alive)}))
    lines = shown(view_of(side, 1.0))
    heads = [line[:7] for line in lines if line[6:7] in "·✕" and line[6:7]]
    assert [head.split() for head in heads] == [[str(n), "✕"] for n in range(36, 40)] + [
        [str(n), "·"] for n in range(40, 44)
    ]


def test_what_ended_before_the_run_was_asked_for_is_not_drawn() -> None:
    spans = (
        Span(T0 - 3 * S, T0 - 2 * S, Activity.BLOCKED, 7),
        Span(T0 - S, T0 + S, Activity.BLOCKED, 8),
        Span(T0 + S, T0 + 2 * S, Activity.IDLE, 0),
        Span(T0 + 2 * S, 0, Activity.BLOCKED, RUN + 1),
    )
    worker = Worker(1, 1, Activity.BLOCKED, T0 + 2 * S, req=RUN + 1, spans=spans)
    side = Side("wsgi", server=Server(workers={(1, 0): worker}), run=Run(number=1, requested_ns=T0))
    view = PaneView(side, "", T0 + 3 * S, T0 - 4 * S, T0 + 4 * S)  # panned to an earlier time
    lane = shown(view, 8 + 1 + 64)[5][8:]
    assert lane.rstrip()[:24].strip() == ""
    assert lane[24:40] == "████earlier█████"  # of the run before: its number would be taken for this one's
    assert lane[40:48].strip() == ""
    assert lane[48:56] == "███#1███"


def test_workers_that_died_in_earlier_runs_have_no_lane() -> None:
    dead = {
        (n, 0): Worker(n, n, Activity.DEAD, T0 + (n - 2) * S, death=Death(T0 + (n - 2) * S, 9)) for n in (1, 2, 3)
    }
    side = Side("wsgi", server=Server(workers=dead), run=Run(number=2, requested_ns=T0))
    lines = [line[:7] for line in shown(view_of(side, 2.0)) if line[6:7] == "✕"]
    assert [line.split() for line in lines] == [["2", "✕"], ["3", "✕"]]


def test_a_worker_timeout_is_said_in_full_where_there_is_room() -> None:
    side = mixed_workers(2.3)
    worker = side.server.workers[103, 0]
    killed = changed(worker, death=Death(worker.since_ns, 9, by_timeout=True))
    server = changed(side.server, workers={**side.server.workers, worker.key: killed})
    side = changed(side, server=server)
    assert "        killed by gunicorn (worker timeout), held #3" in shown(view_of(side, 2.3), height=24)
    assert "        worker timeout, held #3" in shown(view_of(side, 2.3), width=40, height=24)


def test_rows_remembered_are_those_made_afresh() -> None:
    memory = {"wsgi": Memory(), "asgi": Memory()}
    for tenth in range(60):
        now_s = tenth / 10
        for side in (sleeping_workers(now_s), awaiting_tasks(now_s)):
            view = view_of(side, now_s)
            assert rows(view, 59, 18, memory[side.name]) == rows(view, 59, 18)


def test_a_worker_that_boots_is_shown_with_its_line_and_is_not_free() -> None:
    at = Location("shop.py", 3, "<module>", "time.sleep")
    spans = (Span(T0, 0, Activity.BOOTING, 0),)
    worker = Worker(101, 1, Activity.BOOTING, T0, booted_ns=T0, boot_where=at, spans=spans)
    lines = shown(view_of(Side("wsgi", server=Server(workers={worker.key: worker})), 1.5), height=24)
    assert any(line.endswith("1 of 1 worker booting") for line in lines)
    assert "        booting 1.5 s   shop.py:3 time.sleep" in lines
    assert not any("free" in line for line in lines)


def test_the_line_of_a_dead_worker_is_the_one_that_it_was_last_seen_at() -> None:
    side = mixed_workers(2.3)
    at = Location("shop.py", 3, "app", "time.sleep")
    lost = Request(RUN + 3, T0, T0, began_ns=T0, ended_ns=T0 + S, pid=103, raised="worker died", where=at)
    side = changed(side, ledger=ledger_of([lost]))
    lines = shown(view_of(side, 2.3), width=80, height=24)
    assert "        killed by SIGKILL, held #3   last seen at shop.py:3 time.sleep" in lines


def test_a_request_that_its_client_still_sends_is_being_read_and_not_ready() -> None:
    """A loop has accepted it, and has nothing to do for it but to read what comes."""
    sending = Request(RUN + 1, T0, T0, accepted_ns=T0 + 100 * MS)
    side = Side("asgi", "asgi", run=Run(1, 1, started_ns=T0), ledger=ledger_of([sending]))
    view = view_of(side, 2.0)
    lane = next(row for row in rows(view, 59, 18) if "#1" in text_of(row))
    assert text_of(lane).split()[1] == view.glyphs.activity[Activity.READING]
    drawn = {part.style.front for part in lane if view.glyphs.texture[Activity.READING] * 8 in part.text}
    assert drawn == {"transfer"}, "what is ready has the colour of a queue"
    plain = next(line for line in shown(replace(view, glyphs=ASCII)) if "#1" in line)
    assert "r" * 8 in plain


def test_what_waits_for_a_loop_that_is_busy_is_ready() -> None:
    waiting = Request(RUN + 1, T0, T0, accepted_ns=T0 + 100 * MS, pid=9, task=Task.READY)
    server = Server(loops={9: Loop(9, running=RUN + 2, since_ns=T0 + 1, beat_ns=T0)})
    side = Side("asgi", "asgi", server=server, run=Run(1, 2, started_ns=T0), ledger=ledger_of([waiting]))
    lane = next(line for line in shown(view_of(side, 2.0)) if "#1" in line)
    assert lane.split()[1] == view_of(side, 2.0).glyphs.task[Task.READY]
