"""The waterfall of a request: the intervals that its time is made of, which add up to its latency."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict, replace

from tests.unit.states import MS, RUN, SLEEP, T0, S
from tests.unit.test_ledger import whole
from wsgiviz.analysis.waterfall import Interval, Stage, intervals
from wsgiviz.state import Request, Step, Task
from wsgiviz.state.request import CHUNKS_KEPT


def in_ms(found: list[Interval]) -> list[tuple[str, float, float]]:
    return [(interval.name, (interval.start_ns - T0) / MS, (interval.end_ns - T0) / MS) for interval in found]


def test_the_intervals_of_a_call() -> None:
    assert in_ms(intervals(whole(chunks=(T0 + 62 * MS + MS // 2,)))) == [
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


def test_a_request_over_a_kept_connection_has_no_time_in_which_it_connects() -> None:
    kept = whole(connected_ns=T0 - 500 * MS, reused=True)
    assert in_ms(intervals(kept))[:4] == [
        ("schedule lag", 0, 1),
        ("kernel", 1, 10),
        ("reading", 10, 11),
        ("call", 11, 61),
    ]
    on_a_loop = whole(connected_ns=T0 - 500 * MS, reused=True, accepted_ns=0)
    assert in_ms(intervals(on_a_loop))[1] == ("kernel + reading", 1, 11)


def test_chunks_have_no_numbers_once_the_first_may_be_gone() -> None:
    many = tuple(T0 + 62 * MS + 1 + n for n in range(CHUNKS_KEPT))
    assert [interval.name for interval in intervals(whole(chunks=many))][6:9] == ["iterable", "a chunk", "a chunk"]
    assert [interval.name for interval in intervals(whole(chunks=many[1:]))][7:9] == ["chunk 1", "chunk 2"]


def test_a_generator_that_calls_start_response_late_stands_in_its_own_order() -> None:
    late = whole(response_ns=T0 + 62 * MS + MS // 2)
    assert [name for name, *_ in in_ms(intervals(late))[4:]] == ["call", "iterable", "start_response", "return"]


def test_the_intervals_of_a_task_are_its_steps() -> None:
    steps = (
        Step(T0 + 11 * MS, T0 + 12 * MS, Task.RUNNING),
        Step(T0 + 12 * MS, T0 + 60 * MS, Task.AWAITING),
        Step(T0 + 60 * MS, T0 + 62 * MS, Task.READY),
        Step(T0 + 62 * MS, T0 + 63 * MS, Task.RUNNING),
    )
    found = intervals(whole(steps=steps))
    assert in_ms(found)[4:] == [
        ("running", 11, 12),
        ("awaiting", 12, 60),
        ("ready", 60, 62),
        ("running", 62, 63),
        ("return", 63, 65),
    ]
    assert found[6].stage is Stage.READY


def test_steps_which_are_not_kept_any_more_are_mentioned() -> None:
    kept = tuple(Step(T0 + (20 + n) * MS // 2, T0 + (21 + n) * MS // 2, Task.RUNNING) for n in range(10, 74))
    assert intervals(whole(steps=kept))[4].name == "earlier steps"


def test_what_can_not_be_kept_apart_bears_both_names() -> None:
    assert in_ms(intervals(whole(connected_ns=0)))[1:3] == [("connecting + kernel queue", 1, 10), ("reading", 10, 11)]
    unseen = whole(accepted_ns=0, began_ns=0, response_ns=0, returned_ns=0, ended_ns=0)
    assert in_ms(intervals(unseen))[2] == ("kernel queue + reading + call + return", 2, 65)


def test_a_stamp_of_a_connection_kept_alive_is_not_this_request_s() -> None:
    assert in_ms(intervals(whole(accepted_ns=T0 - S)))[2] == ("kernel queue + reading", 2, 11)


def test_a_client_that_notices_late_takes_nothing_from_the_server() -> None:
    assert in_ms(intervals(whole(connected_ns=T0 + 40 * MS)))[:4] == [
        ("schedule lag", 0, 1),
        ("connecting", 1, 10),
        ("reading", 10, 11),
        ("call", 11, 61),
    ]


def test_one_in_flight_goes_on_until_now_at_the_place_where_it_is() -> None:
    holds = whole(response_ns=0, returned_ns=0, ended_ns=0, received_ns=0, where=SLEEP)
    assert in_ms(intervals(holds, T0 + 500 * MS))[-1] == ("call", 11, 500)
    assert intervals(holds, T0 + 500 * MS)[-1].what == "sleep.py:14 time.sleep"
    queued = Request(RUN + 1, T0, T0, connected_ns=T0 + MS)
    assert in_ms(intervals(queued, T0 + S)) == [("connecting", 0, 1), ("kernel queue", 1, 1000)]


def test_one_given_up_ends_where_it_was_and_the_app_goes_on_without_it() -> None:
    left = whole(received_ns=0, failed_ns=T0 + 30 * MS, error="timeout")
    assert in_ms(intervals(left))[-2:] == [("call", 11, 30), ("for nobody", 30, 63)]
    assert intervals(left)[-1].what == "its client has given up"


def test_an_app_that_goes_on_after_the_answer_adds_nothing_to_the_latency() -> None:
    answered = whole(received_ns=T0 + 62 * MS, ended_ns=0, returned_ns=0)
    assert in_ms(intervals(answered, T0 + S))[-2:] == [("start_response", 61, 62), ("after answer", 62, 1000)]
    assert intervals(answered, T0 + S)[-1].stage is Stage.AFTER


def test_an_external_request_begins_where_it_was_seen_first() -> None:
    external = replace(whole(), id=-5, planned_ns=0, sent_ns=0, connected_ns=0, received_ns=0)
    assert in_ms(intervals(external))[0] == ("reading", 10, 11)
    assert in_ms(intervals(external))[-1] == ("iterable", 62, 63)


def test_nothing_known_has_no_intervals() -> None:
    assert intervals(Request(1), T0) == []
    assert intervals(Request(RUN + 1, T0, T0)) == []


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
def test_the_intervals_add_up_to_the_latency_whatever_is_missing_or_out_of_order(request: Request, now: int) -> None:
    found = intervals(request, now)
    finished = request.finished_ns
    assert all(interval.end_ns > interval.start_ns for interval in found)
    assert all(interval.end_ns == after.start_ns for interval, after in zip(found, found[1:], strict=False))
    if request.planned_ns and finished >= request.planned_ns:
        latency = [interval for interval in found if interval.stage is not Stage.AFTER]
        assert sum(interval.duration_ns for interval in latency) == finished - request.planned_ns, asdict(request)


@given(requests, times)
def test_of_one_in_flight_they_add_up_to_what_has_passed(request: Request, now: int) -> None:
    flying = replace(request, id=RUN + 1, received_ns=0, failed_ns=0, planned_ns=max(1, request.planned_ns))
    found = intervals(flying, now)
    assert sum(interval.duration_ns for interval in found) == max(0, now - flying.planned_ns)
