"""What clients hear when a master kills workers for their silence, and when it has no reason to."""

from __future__ import annotations

from collections.abc import Callable

from tests.integration.conftest import Stage

Start = Callable[..., Stage]


def test_a_worker_that_is_silent_for_too_long_is_killed_and_its_client_cut_off(stage: Start) -> None:
    on = stage(scenario="timeout", parameters={"seconds": 6.0}, workers=2, requests=2)
    on.finish()
    wsgi, asgi = on.session.picture.wsgi, on.session.picture.asgi
    assert (wsgi.completed, wsgi.failed) == (0, 2)
    assert {request.error for request in wsgi.finished} == {"closed"}
    assert [worker.died_of for worker in wsgi.workers.values() if not worker.alive] == ["timeout"] * 2
    assert all(2.0 < (request.failed_ns - request.sent_ns) / 1e9 < 5.5 for request in wsgi.finished)
    assert (asgi.completed, asgi.failed, asgi.bad_status) == (2, 0, 0)
    assert all(worker.alive for worker in asgi.workers.values()), "its heartbeat went on"
    on.until(lambda: len(wsgi_living(on)) == 2, "the replacements")


def wsgi_living(on: Stage) -> list[object]:
    return [*on.session.picture.wsgi.living()]
