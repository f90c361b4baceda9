"""The times of a request as they can be true together, whatever its sources say."""

from __future__ import annotations

from typing import Any

import hypothesis
import msgspec
from hypothesis import strategies as st

from tests.unit.states import MS, RUN, T0
from wsgiviz.analysis.stamps import Stamps, latency_ns, left_ns, stamps
from wsgiviz.state import Request


def at(ms: float) -> int:
    return T0 + round(ms * MS)


def request(**times_ms: float) -> Request:
    """One that took the usual way, with other times where they are given; 0 for what has not happened."""
    usual: dict[str, float] = {
        "planned": 1, "sent": 2, "connected": 3, "accepted": 4, "began": 5, "response": 6, "returned": 7, "ended": 8,
        "released": 11, "first_byte": 9, "received": 10,
    }  # fmt: skip
    times: dict[str, Any] = {f"{name}_ns": at(ms) if ms else 0 for name, ms in {**usual, **times_ms}.items()}
    return Request(RUN + 1, **times)


def test_stamps_that_agree_stay_as_they_are() -> None:
    whole = request()
    found = stamps(whole)
    for name in Stamps.__struct_fields__:
        assert getattr(found, name) == getattr(whole, name)
    assert found.finished_ns == at(10)


def test_a_kept_alive_connection_was_accepted_for_another_request() -> None:
    assert stamps(request(sent=20, connected=20, began=25, received=30, accepted=4)).accepted_ns == 0


def test_a_kept_connection_was_connected_before_its_request_was_planned() -> None:
    kept = request(planned=20, sent=20, connected=3, accepted=22, began=25, first_byte=29, received=30)
    found = stamps(msgspec.structs.replace(kept, reused=True))
    assert (found.connected_ns, found.sent_ns, found.accepted_ns) == (at(3), at(20), at(22))


def test_who_was_accepted_was_connected_however_late_the_client_notices() -> None:
    found = stamps(request(connected=4.5))
    assert (found.connected_ns, found.accepted_ns) == (at(4), at(4))
    assert stamps(request(connected=7, accepted=0)).connected_ns == at(5), "the app had it"
    assert stamps(request(connected=7, accepted=0, began=0, first_byte=0)).connected_ns == at(7)


def test_what_served_another_request_of_that_number_is_not_known_here() -> None:
    """The number travels in a header, which anybody can send."""
    for odd in (request(began=1.5), request(began=9.5)):
        found = stamps(odd)
        assert (found.began_ns, found.ended_ns, found.released_ns, found.accepted_ns) == (0, 0, 0, at(4))
        assert (found.sent_ns, found.received_ns) == (at(2), at(10))


def test_a_client_that_gave_up_is_no_contradiction_to_who_serves_it_later() -> None:
    late = request(received=0, first_byte=0, failed=4.5, began=20, ended=30, response=29, returned=29, released=31)
    found = stamps(late)
    assert (found.failed_ns, found.began_ns, found.ended_ns) == (at(4.5), at(20), at(30))


def test_an_external_request_has_its_servers_times_alone() -> None:
    found = stamps(request(planned=0, sent=0, connected=0, first_byte=0, received=0))
    assert (found.accepted_ns, found.began_ns, found.released_ns) == (at(4), at(5), at(11))


def test_an_answer_leaves_with_the_last_that_the_app_gave_for_it() -> None:
    assert left_ns(request()) == at(8)
    closes_slowly = request(ended=500, released=501)
    assert left_ns(closes_slowly) == at(7), "its iterable; close() comes after the answer"
    streams = Request(RUN + 1, began_ns=at(1), received_ns=at(9), ended_ns=at(30), chunks=(at(3), at(8), at(20)))
    assert left_ns(streams) == at(8)
    assert left_ns(request(received=0)) == left_ns(request(began=0)) == 0
    unseen = request(response=0, returned=0, ended=0, released=0)
    assert left_ns(unseen) == 0, "nobody has said when its app gave what the client has"


TIMES = st.integers(0, 12) | st.integers(-(2**63), 2**63 - 1)
NAMES = [name for name in Request.__struct_fields__ if name in Stamps.__struct_fields__]


@hypothesis.given(st.lists(TIMES, min_size=len(NAMES), max_size=len(NAMES)))
def test_no_interval_is_negative_whatever_the_sources_say(times: list[int]) -> None:
    given: dict[str, Any] = dict(zip(NAMES, times, strict=True))
    odd = Request(RUN + 1, **given)
    assert_in_order(stamps(odd))
    kept = stamps(Request(RUN + 1, reused=True, **given))
    assert_in_order(msgspec.structs.replace(kept, connected_ns=0))
    assert 0 <= kept.connected_ns <= (kept.sent_ns or kept.planned_ns)
    assert left_ns(odd) >= 0
    if left_ns(odd):
        assert left_ns(odd) <= stamps(odd).received_ns


@hypothesis.given(st.lists(TIMES, min_size=len(NAMES), max_size=len(NAMES)))
def test_the_latency_is_that_of_the_stamps(times: list[int]) -> None:
    given: dict[str, Any] = dict(zip(NAMES, times, strict=True))
    odd = Request(RUN + 1, **given)
    known = stamps(odd)
    expected = known.received_ns - known.planned_ns if known.received_ns and known.planned_ns else -1
    assert latency_ns(odd) == expected


def assert_in_order(found: Stamps) -> None:
    ways = [
        (found.planned_ns, found.sent_ns, found.connected_ns, found.accepted_ns, found.began_ns, found.ended_ns,
         found.released_ns),
        (found.sent_ns, found.connected_ns, found.first_byte_ns, found.received_ns),
        (found.began_ns, found.first_byte_ns),
        (found.began_ns, found.received_ns),
        (found.began_ns, found.response_ns, found.ended_ns),
        (found.began_ns, found.returned_ns, found.ended_ns),
        (found.sent_ns, found.failed_ns),
    ]  # fmt: skip
    for way in ways:
        known = [t_ns for t_ns in way if t_ns]
        assert known == sorted(known), found
    assert all(getattr(found, name) >= 0 for name in Stamps.__struct_fields__)
