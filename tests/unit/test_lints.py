"""Lints of the way in and of the measuring; and all lints together: their order, silence, and how long each spoke."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from tests.unit.lint_scenes import event, fold, over, says, scene, side, started
from tests.unit.pictures import MS, RUN, T0, S, awaiting_tasks, sleeping_workers
from wsgiviz.events import Kind
from wsgiviz.model.lints import LINTS, NAMES, findings, listing
from wsgiviz.model.lints.watch import Watch
from wsgiviz.model.state import Loop, Picture, Request, Side

# --- the way in --------------------------------------------------------------------------------------------------


def connecting(*delays_s: float, at_s: float = 0.0) -> dict[int, Request]:
    """Sent at ``at_s``, connected so much later; 0 when not yet."""
    sent = T0 + int(at_s * S)
    return {
        RUN + n: Request(RUN + n, T0, sent, connected_ns=sent + int(delay * S) if delay else 0)
        for n, delay in enumerate(delays_s, 1)
    }


def test_an_accept_queue_that_is_full() -> None:
    full = fold([started(), event(0.1, Kind.QUEUE_SAMPLE, a=101, b=100)])
    assert says("accept-queue-overflow", replace(scene(), picture=full)) == (
        "The accept queue of WSGI is full (100): the kernel drops what comes, "
        "and clients try again after 1 s, 3 s, 7 s."
    )
    last = fold([event(0.2, Kind.QUEUE_SAMPLE, a=100, b=100)], full)
    assert says("accept-queue-overflow", replace(scene(), picture=last)) is None, "as many as there is room for"


def test_connections_that_were_turned_away() -> None:
    full = side(queue_limit=100, queue_depth=50, max_queue=101, overflows=37, in_flight=connecting(0, 0, 0.1))
    other = Side("asgi", "asgi", run=1, queue_limit=100, queue_depth=0, run_started_ns=T0, overflows=37)
    shown = scene(full, other)
    assert says("accept-queue-overflow", shown) == (
        "A full accept queue (100) dropped 37 connections: 2 of WSGI wait to try again."
    )
    assert says("accept-queue-overflow", scene(replace(full, in_flight={}), other)) is None, "all have come in"
    assert says("accept-queue-overflow", scene(over(full), other)) == (
        "The accept queue of WSGI (100) was full: the kernel dropped 37 connections, "
        "and clients tried again after 1 s, 3 s, 7 s."
    )
    assert says("accept-queue-overflow", scene(over(replace(full, overflows=0)))) is None
    assert [found.side for found in findings(shown)] == ["wsgi"], "the other's queue was never full"
    unseen = replace(full, max_queue=60)
    assert says("accept-queue-overflow", scene(unseen, other)) is not None, "full for less than two samples"


def test_steps_of_syn_retransmission_in_connect_times() -> None:
    late = side(in_flight=connecting(0.0001, 1.01, 1.03, 3.05), finished=tuple(connecting(7.1).values()))
    assert says("syn-retransmission", scene(late, at_s=8)) == (
        "4 requests of WSGI connected at a second try or later (2 after 1 s, 1 after 3 s, 1 after 7 s): "
        "the first SYN got no answer."
    )
    slow = side(in_flight=connecting(0.5, 0.94, 1.4, 9.0))
    assert says("syn-retransmission", scene(slow, at_s=10)) is None, "no such steps"


# --- the measuring -----------------------------------------------------------------------------------------------


def answered(latency_ms: float, sending_ms: float = 0, outside: float = 0) -> tuple[Request, ...]:
    """Requests, planned at once; ``outside``: the part of their time in which they are not in the app."""
    sent, end = T0 + int(sending_ms * MS), T0 + int(latency_ms * MS)
    began = sent + int((end - sent) * outside)
    return tuple(
        Request(RUN + n, T0, sent, connected_ns=sent, began_ns=began, ended_ns=end, received_ns=end)
        for n in range(1, 21)
    )


def test_a_driver_that_is_late_by_as_much_as_requests_take() -> None:
    late = side(finished=answered(80), max_driver_lag_ns=120 * MS)
    assert says("driver-bottleneck", scene(late)) == (
        "The load driver is up to 0.12 s late, longer than half of WSGI's requests take: "
        "the driver is the bottleneck, and the figures are its own."
    )
    assert says("driver-bottleneck", scene(over(late))) == (
        "The load driver was up to 0.12 s late, and WSGI's p50 is 80 ms: "
        "the driver is the bottleneck, and the figures are its own."
    )
    assert says("driver-bottleneck", scene(replace(late, finished=answered(1000)))) is None, "a small part"
    assert says("driver-bottleneck", scene(side(finished=answered(2), max_driver_lag_ns=10 * MS))) is None


def test_a_driver_that_is_too_slow_to_send() -> None:
    busy = side(finished=answered(100, sending_ms=60))
    assert says("driver-bottleneck", scene(busy)) == (
        "WSGI's requests wait most of their time to be sent: "
        "the driver is the bottleneck, and the figures are its own."
    )
    assert says("driver-bottleneck", scene(over(busy))) == (
        "WSGI's requests waited 60 ms of their 0.10 s (p50) to be sent: "
        "the driver is the bottleneck, and the figures are its own."
    )
    assert says("driver-bottleneck", scene(side(finished=answered(100, sending_ms=40)))) is None


def test_a_closed_loop_hides_latency() -> None:
    waits = side(finished=answered(1000, outside=0.8))
    users: dict[str, Any] = {"arrivals": "closed", "users": 8}
    assert says("closed-loop", scene(waits, **users)) == (
        "8 users ask again only when they have their answer: while WSGI lets them wait, nobody new comes, "
        "and its latency looks better than people would find it."
    )
    assert says("closed-loop", scene(over(waits), **users)) == (
        "8 users asked again only when answered, so no more came than WSGI served (10.0/s): "
        "people who come by themselves would wait longer than its latency says."
    )
    assert says("closed-loop", scene(waits)) is None, "a burst waits for nobody"
    assert says("closed-loop", scene(side(finished=answered(1000, outside=0.05)), **users)) is None, "no queue"


# --- all together ------------------------------------------------------------------------------------------------


def test_a_run_without_a_fault_has_no_findings() -> None:
    free = replace(sleeping_workers(0.5, requests=3), queue_depth=0)
    assert findings(scene(free, awaiting_tasks(0.5))) == []
    assert findings(scene(over(sleeping_workers(9)), over(awaiting_tasks(9)), at_s=9)) == []
    assert findings(scene()) == []


def test_findings_come_in_order_and_are_silenced_by_name() -> None:
    held = side("asgi", "asgi", loops={9: Loop(9, running=RUN + 3, since_ns=T0)})
    shown = scene(sleeping_workers(0.5), held)
    assert [(found.lint.name, found.side) for found in findings(shown)] == [
        ("loop-held", "asgi"),
        ("all-workers-blocked", "wsgi"),
    ]
    assert [found.lint.name for found in findings(shown, frozenset({"loop-held"}))] == ["all-workers-blocked"]
    assert findings(replace(shown, silenced=frozenset(NAMES))) == []


def test_a_side_of_an_earlier_run_has_no_findings() -> None:
    earlier = replace(sleeping_workers(0.5), run=0)
    assert findings(scene(earlier)) == []


def test_both_sides_have_their_own_findings() -> None:
    second = replace(sleeping_workers(0.5), name="wsgi2")
    told = [found.message.split(" are ")[0] for found in findings(scene(sleeping_workers(0.5), second))]
    assert told == ["All 4 workers of WSGI (sync)", "All 4 workers of WSGI2 (sync)"]


def test_every_lint_explains_itself() -> None:
    assert [name for name, _, _ in listing()] == list(NAMES)
    assert len(set(NAMES)) == len(NAMES)
    for name, explanation, source in listing():
        assert name == name.lower().replace(" ", "-")
        assert 2 <= explanation.count(". ") + 1 <= 4, name
        assert explanation.endswith(".")
        assert source
        assert "://" not in source


def test_how_long_each_spoke() -> None:
    watch, told = Watch(), sleeping_workers(0.5)
    for at_s in (0.1, 0.3, 0.5):
        shown = scene(told, at_s=at_s)
        watch = watch.look(shown, findings(shown))
    quiet = scene(at_s=0.7)
    watch = watch.look(quiet, findings(quiet))
    for at_s in (0.9, 1.0):
        shown = scene(told, at_s=at_s)
        watch = watch.look(shown, findings(shown))
    [row] = watch.rows()
    assert (row["name"], row["side"]) == ("all-workers-blocked", "wsgi")
    assert row["seconds"] == pytest.approx(0.5), "0.4 s, a pause, 0.1 s"
    later = scene(told, at_s=3)
    [row] = watch.look(later, findings(later)).rows()
    assert row["seconds"] == pytest.approx(0.5), "nobody looked for two seconds"
    assert row["message"].startswith("All 4 workers are blocked")
    assert (row["explanation"], row["source"]) == (LINTS[NAMES.index("all-workers-blocked")].explanation,
                                                   LINTS[NAMES.index("all-workers-blocked")].source)  # fmt: skip


def test_a_new_run_is_watched_anew() -> None:
    shown = scene(sleeping_workers(0.5))
    watch = Watch().look(shown, findings(shown))
    second = replace(shown, picture=Picture(run=2, sides=shown.picture.sides), now_ns=shown.now_ns + 100 * MS)
    assert watch.rows()
    assert watch.look(second, findings(second)).rows() == []


def test_after_the_run_no_time_counts() -> None:
    loop = Loop(9, longest_step_ns=S // 2, longest_step_req=RUN + 3)
    watch = Watch()
    for at_s in (2.1, 2.4, 2.7):
        shown = scene(over(side("asgi", "asgi", loops={9: loop})), at_s=at_s)
        watch = watch.look(shown, findings(shown))
    assert [(row["name"], row["seconds"]) for row in watch.rows()] == [("loop-held", 0.0)]
