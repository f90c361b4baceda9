"""What a run says about which model fits its load, and what it leaves open."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from tests.unit.lint_contexts import BLOCKING, but, state_of
from tests.unit.states import RUN, T0, S, ledger_of
from tests.unit.test_captions import finished
from wsgiviz.analysis.verdict import Demand, Fits, Verdict, verdict
from wsgiviz.settings import make
from wsgiviz.state import Activity, Hold, Loop, LoopTally, Phase, Request, Server, Side
from wsgiviz.state.run import DriverSample, Peak

LATER = T0 + 30 * S


def of(*sides: Side, **more: Any) -> Verdict:
    found = verdict(state_of(*sides, phase=Phase.FINISHED, t_ns=LATER, **more), LATER)
    assert found is not None
    return found


def but_one_process(made: Side) -> Side:
    """The same, all of it served by its first worker."""
    key, first = next(iter(made.server.workers.items()))
    return but(made, workers={key: replace(first, tally=replace(first.tally, requests=made.run.planned))})


def loop(took_s: float, service_s: float, ran_s: float = 0.0) -> Side:
    """A loop's run, each of whose requests held it for so long."""
    made = but_one_process(finished("asgi", took_s, service_s))
    return replace(made, ledger=ledger_of(replace(r, run_ns=int(ran_s * S)) for r in made.ledger.ours()))


def test_there_is_none_before_the_end() -> None:
    assert verdict(state_of(finished("wsgi", 5, 1), phase=Phase.RUNNING), LATER) is None


def test_what_waits_fits_a_loop_or_as_many_threads() -> None:
    found = of(finished("wsgi", 5.02, 1), loop(1.03, 1))
    assert (found.demand, found.fits) == (Demand.WAITING, Fits.LOOP)
    assert found.because == (
        "Requests waited for 100 % of their time in the app, 20 of them at once: one loop held them all, "
        "4 workers held 4."
    )
    assert found.change == (
        "With 5 threads in each of 4 workers (gthread) the workers should be level, as long as threads only wait."
    )
    assert found.not_measured == (
        "Not measured: a steady load, hundreds of open connections, clients on a real network."
    )


def test_tuned_workers_are_level() -> None:
    found = of(finished("wsgi", 1.05, 1), loop(1.0, 1))
    assert (found.demand, found.fits, found.words) == (Demand.WAITING, Fits.EITHER, "Either fits this load.")


def test_a_thousand_connections_are_no_matter_of_tuning() -> None:
    found = of(but(finished("wsgi", 250, 1), planned=1000), but(loop(1.2, 1), planned=1000))
    assert found.change == "To be level, 1000 requests would need 250 threads in each of 4 workers."


def test_what_computes_fits_processes() -> None:
    found = of(finished("wsgi", 2, 0.5, Activity.COMPUTING), loop(4, 0.5, 0.5))
    assert (found.demand, found.fits, found.words) == (Demand.COMPUTING, Fits.WORKERS, "Processes fit this load.")
    assert "4 workers computed on 2 cores, one loop on one." in found.because
    level = of(finished("wsgi", 2, 0.5, Activity.COMPUTING), loop(2, 0.5, 0.5))
    assert (level.fits, level.words) == (Fits.EITHER, "It computes: neither model helps.")


def test_code_that_blocks_fits_workers() -> None:
    blocking = loop(10, 0.5)
    hold = Hold(RUN + 1, int(0.5 * S), BLOCKING)
    blocking = but(blocking, loops={9: Loop(9, tally=LoopTally(longest_hold=hold))})
    found = of(finished("wsgi", 2.5, 0.5), blocking)
    assert (found.fits, found.words) == (Fits.WORKERS, "This code blocks: it fits workers, not a loop.")
    assert "held for 0.50 s at a time" in found.because


@pytest.mark.parametrize(("took_s", "fits"), [(0.1, Fits.EITHER), (0.05, Fits.LOOP), (0.3, Fits.WORKERS)])
def test_what_is_short_fits_either_unless_one_was_quicker(took_s: float, fits: Fits) -> None:
    found = of(finished("wsgi", 0.1, 0.0004), loop(took_s, 0.0004))
    assert (found.demand, found.fits) == (Demand.SHORT, fits)
    assert found.because.startswith(
        f"A request took less than 1 ms in the app; 200 requests/s on workers, {20 / took_s:.0f}"
    )


def test_a_driver_at_its_limit_measures_neither() -> None:
    full = {"driver_first": DriverSample(T0, 0, 0), "driver": DriverSample(T0 + S, S, 0)}
    found = of(but(finished("wsgi", 1, 0.0004), **full), loop(0.5, 0.0004))
    assert found.fits is Fits.EITHER
    assert found.because.endswith("The load driver was at its limit, so neither was.")


@pytest.mark.parametrize("trouble", [{"failed": 3}, {"bad_status": 3}, {"cancelled": True}])
def test_what_failed_is_not_compared(trouble: dict[str, Any]) -> None:
    found = of(but(finished("wsgi", 5, 1), **trouble), loop(1, 1))
    assert (found.demand, found.fits, found.words) == (Demand.UNKNOWN, Fits.UNKNOWN, "")
    assert "says nothing" in found.because or "don't say" in found.because


def test_the_failures_of_both_sides_are_said() -> None:
    wsgi, asgi = but(finished("wsgi", 5.02, 1), failed=2), but(loop(0.52, 1), failed=20)
    assert of(wsgi, asgi).because == (
        "2 of 20 requests failed on WSGI, 20 of 20 on ASGI: "
        "their times don't say which model fits; find the cause first."
    )


def test_one_side_says_what_the_other_was_not_asked() -> None:
    found = of(finished("wsgi", 5.02, 1))
    assert (found.demand, found.fits) == (Demand.WAITING, Fits.UNKNOWN)
    assert found.not_measured.startswith("Not measured: an event loop under the same load, a steady load")
    assert "5 threads in each of 4 workers" in found.change


def test_two_of_a_kind_name_what_the_gil_took() -> None:
    other = replace(finished("wsgi", 2, 0.5, Activity.COMPUTING), name="wsgi2")
    found = of(finished("wsgi", 5, 1), other, settings=make(left="sync", right="gthread", threads=4))
    assert found.fits is Fits.UNKNOWN
    assert "n event loop" in found.not_measured


def test_nothing_measured_is_nothing_said() -> None:
    empty = Side("wsgi", "sync", Server(), but(finished("wsgi", 1, 1), failed=0).run, ledger_of([]))
    assert of(empty).demand is Demand.UNKNOWN


def test_requests_of_two_lengths_are_not_short() -> None:
    made = finished("wsgi", 1, 0.001)
    mixed = [
        Request(RUN + n, T0, T0, began_ns=T0, ended_ns=T0 + (S if n < 4 else S // 1000), received_ns=T0 + S)
        for n in range(20)
    ]
    assert of(replace(made, ledger=ledger_of(mixed)), loop(1, 0.5)).demand is not Demand.SHORT


def test_one_request_alone_is_not_judged() -> None:
    found = of(but(finished("wsgi", 1, 1), planned=1), but(loop(1, 1), planned=1))
    assert (found.fits, found.words) == (Fits.UNKNOWN, "")
    assert found.because.startswith("One request at a time")


def test_slow_clients_are_no_computing() -> None:
    held = finished("wsgi", 4, 0.02, Activity.COMPUTING)
    busy = {
        key: replace(one, tally=replace(one.tally, app_ns=S // 50, cpu_ns=S // 50, writing_ns=4 * S - S // 50))
        for key, one in held.server.workers.items()
    }
    found = of(but(held, workers=busy), loop(3, 0.02))
    assert (found.demand, found.fits) == (Demand.CLIENTS, Fits.LOOP)
    assert "for 100 % of their busy time" in found.because


def test_reading_and_writing_short_requests_is_no_slow_client() -> None:
    """Of `fast` on a busy machine: workers read and wrote for most of their time, 1 ms with each request."""
    quick = finished("wsgi", 1.1, 0.0004)
    busy = {
        key: replace(one, tally=replace(one.tally, requests=500, app_ns=S // 5, cpu_ns=S // 5, writing_ns=S * 4 // 5))
        for key, one in quick.server.workers.items()
    }
    found = of(but(quick, workers=busy, planned=2000, completed=2000), loop(1.3, 0.0004))
    assert (found.demand, found.fits) == (Demand.SHORT, Fits.EITHER)


def test_loops_that_took_unequal_parts_are_counted() -> None:
    """Two async workers on two cores: one of them took 19 of 20 requests."""
    uneven = finished("asgi", 4, 0.5)
    first, second = list(uneven.server.workers.values())[:2]
    workers = {
        one.key: replace(one, tally=replace(one.tally, requests=count)) for one, count in ((first, 19), (second, 1))
    }
    found = of(finished("wsgi", 2, 0.5, Activity.COMPUTING), but(uneven, workers=workers))
    assert "4 workers computed on 2 cores, of 2 loops one had 19 of 20 requests." in found.because
    assert found.change == "Loops that take equal parts would be level: a loop keeps what it has accepted."


def test_threads_are_called_threads() -> None:
    gthread = replace(finished("wsgi", 0.1, 0.0004), kind="gthread")
    assert "requests/s on threads, " in of(gthread, loop(0.1, 0.0004)).because


def test_threads_that_lost_to_processes_lost_to_the_gil() -> None:
    gthread = replace(finished("wsgi", 5, 1, Activity.COMPUTING), kind="gthread")
    waited = {
        key: replace(one, tally=replace(one.tally, cpu_ns=one.tally.app_ns // 4, gil_ns=one.tally.app_ns * 3 // 4))
        for key, one in gthread.server.workers.items()
    }
    other = replace(finished("wsgi", 2.5, 1, Activity.COMPUTING), name="wsgi2")
    found = of(but(gthread, workers=waited), other, settings=make(left="gthread", right="sync", threads=4))
    assert (found.fits, found.words) == (Fits.WORKERS, "Processes fit this load.")
    assert found.because == ("gthread waited for the GIL for 75 % of its busy time: its threads share one.")


def test_slots_held_as_many_as_were_in_the_app_and_several_loops_are_counted() -> None:
    """Of eight threads one may have had nothing to do; two gevent workers are two loops."""
    slots, loops = finished("wsgi", 5.02, 1), finished("asgi", 1.03, 1)
    slots = but(slots, in_app_peak=Peak(highest=3))
    assert "20 of them at once: 4 loops held them all, 4 workers held 3." in of(slots, loops).because
