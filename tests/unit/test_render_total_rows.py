"""What stands below the lanes of a pane."""

from __future__ import annotations

import pytest
from msgspec.structs import replace as changed

from tests.unit.states import RUN, T0, ledger_of, sleeping_workers
from wsgiviz.tui.render.total_rows import Median


def test_the_median_of_another_run_is_its_own() -> None:
    """Recordings of a lesson's steps have each a run with number 1; played back, a run has fewer answers again."""
    median, slow, quick = Median(), sleeping_workers(9.0), sleeping_workers(9.0, seconds=0.5)
    later = changed(quick, run=changed(quick.run, started_ns=T0 + 1))
    assert median.latency_s(slow) == pytest.approx(3, 0.01)
    assert median.latency_s(later) == pytest.approx(1.5, 0.01)
    one = ledger_of([request for request in slow.ledger.ours() if request.id == RUN + 20])
    few = changed(slow, ledger=one, run=changed(slow.run, completed=1))
    assert median.latency_s(slow) != median.latency_s(few)
