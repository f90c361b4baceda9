"""What clients hear when a master kills workers for their silence, and when it has no reason to."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.integration.conftest import Stage

pytestmark = pytest.mark.xdist_group("driver")  # it judges no times

Start = Callable[..., Stage]


def test_a_worker_that_is_silent_for_too_long_is_killed_and_its_client_cut_off(stage: Start) -> None:
    on = stage(scenario="timeout", parameters={"seconds": 6.0}, workers=2, requests=2)
    on.finish()
    assert (on.wsgi.run.completed, on.wsgi.run.failed) == (0, 2)
    assert {request.error for request in on.wsgi.ledger} == {"closed"}
    workers = on.wsgi.server.workers.values()
    assert [worker.died_of for worker in workers if not worker.alive] == ["timeout"] * 2
    assert (on.asgi.run.completed, on.asgi.run.failed, on.asgi.run.bad_status) == (2, 0, 0)
    assert all(worker.alive for worker in on.asgi.server.workers.values()), "its heartbeat went on"
    on.until(lambda: len(on.wsgi.server.living()) == 2, "the replacements")
