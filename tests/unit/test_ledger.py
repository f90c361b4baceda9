"""The ledger: its figures, and the parts of a request which add up to its latency."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict, replace

from tests.unit.pictures import MS, RUN, SLEEP, T0, S, awaiting_tasks, sleeping_workers
from wsgiviz.model.ledger import RETURNING, Part, Stage, entries, parts, rows
from wsgiviz.model.state import CHUNKS_KEPT, Picture, Request, Side, Step, Task


def whole(**more: object) -> Request:
    stamps: dict[str, object] = {
        "planned_ns": T0,
        "sent_ns": T0 + 1 * MS,
        "connected_ns": T0 + 2 * MS,
        "accepted_ns": T0 + 10 * MS,
        "began_ns": T0 + 11 * MS,
        "response_ns": T0 + 61 * MS,
        "returned_ns": T0 + 62 * MS,
        "ended_ns": T0 + 63 * MS,
        "received_ns": T0 + 65 * MS,
        "status": 200,
        "pid": 101,
        **more,
    }
    return Request(RUN + 17, **stamps)  # type: ignore[arg-type]


def in_ms(found: list[Part]) -> list[tuple[str, float, float]]:
    return [(part.name, (part.start_ns - T0) / MS, (part.end_ns - T0) / MS) for part in found]


def picture(side: Side) -> Picture:
    return Picture(run=1, sides={side.name: side})


# --- entries -----------------------------------------------------------------------------------------------------


def test_an_entry_has_the_figures_as_they_are_defined() -> None:
    side = replace(sleeping_workers(0.5), finished=(whole(),), run_started_ns=T0 - MS)
    (entry,) = entries(side, side.finished)
    assert (entry.id, entry.req, entry.side, entry.worker, entry.status) == (17, RUN + 17, "wsgi", 2, "200")
    assert (entry.planned_s, entry.queue_wait_s, entry.service_s) == (0.001, 0.010, 0.052)
    assert (entry.return_s, entry.total_s, entry.state, entry.failed) == (0.002, 0.065, "", False)


def test_every_request_of_the_sides_asked_for_has_one_entry() -> None:
    both = Picture(sides={"wsgi": sleeping_workers(1.5), "asgi": awaiting_tasks(0.5)})
    found = rows(both, ("wsgi", "asgi"))
    assert sorted((entry.side, entry.id) for entry in found) == [
        (side, number) for side in ("asgi", "wsgi") for number in range(1, 21)
    ]
    assert {entry.side for entry in rows(both, ("asgi",))} == {"asgi"}


def test_those_in_flight_say_what_they_do_and_what_is_not_known() -> None:
    by_id = {entry.id: entry for entry in rows(picture(sleeping_workers(0.5)), ("wsgi",))}
    assert (by_id[1].state, by_id[1].worker) == ("blocked", 1)
    assert (by_id[20].state, by_id[20].worker) == ("queued", None)
    assert (by_id[20].queue_wait_s, by_id[20].service_s, by_id[20].return_s) == (None, None, None)
    assert by_id[20].total_s is None
    (task,) = entries(awaiting_tasks(0.5), [awaiting_tasks(0.5).in_flight[RUN + 3]])
    assert task.state == "awaiting"


def test_between_app_and_client_it_is_returning() -> None:
    (entry,) = entries(sleeping_workers(0.5), [whole(received_ns=0)])
    assert (entry.state, entry.total_s) == (RETURNING, None)


def test_a_failed_one_has_its_kind_and_how_long_the_client_waited() -> None:
    lost = whole(received_ns=0, failed_ns=T0 + S, error="reset", status=0, raised="worker died")
    (entry,) = entries(sleeping_workers(0.5), [lost])
    assert (entry.status, entry.failed, entry.total_s, entry.return_s) == ("reset worker died", True, 1.0, None)


def test_a_stranger_was_never_planned() -> None:
    stranger = replace(whole(), id=-5, planned_ns=0, sent_ns=0, connected_ns=0, received_ns=0)
    (entry,) = entries(sleeping_workers(0.5), [stranger])
    assert (entry.id, entry.planned_s, entry.total_s, entry.state) == (-5, None, None, "")
    assert in_ms(parts(stranger))[0] == ("reading", 10, 11)
    assert in_ms(parts(stranger))[-1] == ("iterable", 62, 63)


# --- parts -------------------------------------------------------------------------------------------------------


def test_the_parts_of_a_call() -> None:
    assert in_ms(parts(whole(chunks=(T0 + 62 * MS + MS // 2,)))) == [
        ("schedule lag", 0, 1),
        ("connecting", 1, 2),
        ("kernel queue", 2, 10),
        ("reading", 10, 11),
        ("call", 11, 61),
        ("start_response", 61, 62),
        ("iterable", 62, 62.5),
        ("chunk 1", 62.5, 63),
        ("return", 63, 65),
    ]


def test_chunks_have_no_numbers_once_the_first_may_be_gone() -> None:
    many = tuple(T0 + 62 * MS + 1 + n for n in range(CHUNKS_KEPT))
    assert [part.name for part in parts(whole(chunks=many))][6:9] == ["iterable", "a chunk", "a chunk"]
    assert [part.name for part in parts(whole(chunks=many[1:]))][7:9] == ["chunk 1", "chunk 2"]


def test_a_generator_that_calls_start_response_late_is_told_in_its_own_order() -> None:
    late = whole(response_ns=T0 + 62 * MS + MS // 2)
    assert [name for name, *_ in in_ms(parts(late))[4:]] == ["call", "iterable", "start_response", "return"]


def test_the_parts_of_a_task_are_its_steps() -> None:
    steps = (
        Step(T0 + 11 * MS, T0 + 12 * MS, Task.RUNNING),
        Step(T0 + 12 * MS, T0 + 60 * MS, Task.AWAITING),
        Step(T0 + 60 * MS, T0 + 62 * MS, Task.READY),
        Step(T0 + 62 * MS, T0 + 63 * MS, Task.RUNNING),
    )
    found = parts(whole(steps=steps))
    assert in_ms(found)[4:] == [
        ("running", 11, 12),
        ("awaiting", 12, 60),
        ("ready", 60, 62),
        ("running", 62, 63),
        ("return", 63, 65),
    ]
    assert found[6].stage is Stage.READY


def test_steps_which_are_not_kept_any_more_are_told() -> None:
    kept = tuple(Step(T0 + (20 + n) * MS // 2, T0 + (21 + n) * MS // 2, Task.RUNNING) for n in range(10, 74))
    assert parts(whole(steps=kept))[4].name == "earlier steps"


def test_what_can_not_be_told_apart_bears_both_names() -> None:
    assert in_ms(parts(whole(connected_ns=0)))[1:3] == [("connecting + kernel queue", 1, 10), ("reading", 10, 11)]
    unseen = whole(accepted_ns=0, began_ns=0, response_ns=0, returned_ns=0, ended_ns=0)
    assert in_ms(parts(unseen))[2] == ("kernel queue + reading + call + return", 2, 65)


def test_a_stamp_of_a_connection_kept_alive_is_not_this_request_s() -> None:
    assert in_ms(parts(whole(accepted_ns=T0 - S)))[2] == ("kernel queue + reading", 2, 11)


def test_a_client_that_notices_late_takes_nothing_from_the_server() -> None:
    assert in_ms(parts(whole(connected_ns=T0 + 40 * MS)))[:4] == [
        ("schedule lag", 0, 1),
        ("connecting", 1, 10),
        ("reading", 10, 11),
        ("call", 11, 61),
    ]


def test_one_in_flight_goes_on_until_now_at_the_place_where_it_is() -> None:
    holds = whole(response_ns=0, returned_ns=0, ended_ns=0, received_ns=0, where=SLEEP)
    assert in_ms(parts(holds, T0 + 500 * MS))[-1] == ("call", 11, 500)
    assert parts(holds, T0 + 500 * MS)[-1].what == "sleep.py:14 time.sleep"
    queued = Request(RUN + 1, T0, T0, connected_ns=T0 + MS)
    assert in_ms(parts(queued, T0 + S)) == [("connecting", 0, 1), ("kernel queue", 1, 1000)]


def test_one_given_up_ends_where_it_was_and_the_app_goes_on_without_it() -> None:
    left = whole(received_ns=0, failed_ns=T0 + 30 * MS, error="timeout")
    assert in_ms(parts(left))[-2:] == [("call", 11, 30), ("after it", 30, 63)]
    assert parts(left)[-1].what == "nobody waits for it any more"


def test_nothing_known_has_no_parts() -> None:
    assert parts(Request(1), T0) == []
    assert parts(Request(RUN + 1, T0, T0)) == []


STAMPS = (
    "planned_ns",
    "sent_ns",
    "connected_ns",
    "accepted_ns",
    "began_ns",
    "response_ns",
    "returned_ns",
    "ended_ns",
    "first_byte_ns",
    "received_ns",
    "failed_ns",
)

times = st.integers(0, 60)
steps = st.builds(Step, times, times, st.sampled_from([Task.RUNNING, Task.READY, Task.AWAITING]))
requests = st.builds(
    Request,
    st.integers(-3, 3),
    **{name: times for name in STAMPS},
    steps=st.lists(steps, max_size=6).map(tuple),
    chunks=st.lists(times, max_size=4).map(tuple),
)


@given(requests, times)
def test_the_parts_add_up_to_the_latency_whatever_is_missing_or_out_of_order(request: Request, now: int) -> None:
    found = parts(request, now)
    finished = request.finished_ns
    assert all(part.end_ns > part.start_ns for part in found)
    assert all(part.end_ns == after.start_ns for part, after in zip(found, found[1:], strict=False))
    if request.planned_ns and finished >= request.planned_ns:
        latency = [part for part in found if part.stage is not Stage.AFTER]
        assert sum(part.duration_ns for part in latency) == finished - request.planned_ns, asdict(request)


@given(requests, times)
def test_of_one_in_flight_they_add_up_to_what_has_passed(request: Request, now: int) -> None:
    flying = replace(request, id=RUN + 1, received_ns=0, failed_ns=0, planned_ns=max(1, request.planned_ns))
    found = parts(flying, now)
    assert sum(part.duration_ns for part in found) == max(0, now - flying.planned_ns)
