"""The sentence about an app of one's own, and about any two servers."""

from __future__ import annotations

from msgspec.structs import replace

from tests.unit.lint_contexts import (
    but,
    side,
)
from tests.unit.states import sleeping_workers
from tests.unit.test_captions import AT_WORK, says, tasks, workers
from wsgiviz.settings import make
from wsgiviz.state import (
    Activity,
    Location,
    Side,
    Task,
)

# --- an app of one's own, and any two servers --------------------------------------------------------------------

DEEP = Location("shop/deep.py", 15, "look_up", "time.sleep")


def own_app(wsgi: Side, at_s: float) -> str:
    return says(wsgi, at_s=at_s, settings=make(wsgi="deep:app"))


def located(shown: Side, *places: Location | None) -> Side:
    """The requests in a worker are at these places."""
    inside = [request for request in shown.ledger.in_flight() if request.began_ns]
    moved = {one.id: replace(one, where=place) for one, place in zip(inside, places, strict=True)}
    return but(shown, requests=[moved.get(request.id, request) for request in shown.ledger])


def test_an_app_of_ones_own_is_named_by_its_lines() -> None:
    shown, other = sleeping_workers(0.5), replace(DEEP, line=40)
    waiting = "; 16 requests wait in the kernel, not yet read by anyone."
    assert own_app(located(shown, DEEP, DEEP, DEEP, DEEP), 0.5) == (
        f"All 4 workers are blocked at deep.py:15 time.sleep{waiting}"
    )
    assert own_app(located(shown, DEEP, DEEP, DEEP, None), 0.5).startswith("All 4 workers are blocked at deep.py:15 ")
    assert own_app(located(shown, DEEP, DEEP, DEEP, other), 0.5) == (
        f"All 4 workers are blocked, most at deep.py:15 time.sleep{waiting}"
    )
    assert own_app(located(shown, None, None, None, None), 0.5) == f"All 4 workers are blocked{waiting}"


def test_the_line_stands_until_that_of_the_next_request_is_known() -> None:
    shown = located(sleeping_workers(1.02), None, None, None, None)
    done = [replace(request, where=DEEP) if request.finished else request for request in shown.ledger]
    assert "blocked at deep.py:15 time.sleep;" in own_app(but(shown, requests=done), 1.02)
    assert "deep.py" not in own_app(but(shown, requests=done), 1.3)
    assert own_app(shown, 1.02).startswith("All 4 workers are blocked; ")


def test_two_servers_of_one_kind_are_told_apart() -> None:
    free = but(AT_WORK, name="wsgi2", kind="gthread", workers=workers(Activity.IDLE))
    assert says(free, sleeping_workers(0.5)).startswith("All 4 workers of sync are blocked")
    threads = but(sleeping_workers(0.5), name="wsgi2", kind="gthread")
    assert says(but(free, name="wsgi", kind="sync"), threads).startswith(
        "All 4 threads of gthread are blocked in time.sleep(1); 16 requests"
    )


def test_two_loops_await() -> None:
    idle = side("asgi", "asgi", workers=workers(Activity.IDLE))
    other = but(idle, name="asgi2", kind="uvicorn", requests=tasks(3, Task.AWAITING))
    assert says(idle, other) == (
        "3 requests wait at once in asyncio.sleep(1); the event loop of uvicorn is free for others."
    )
