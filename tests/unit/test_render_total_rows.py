"""What stands below the lanes of a pane."""

from __future__ import annotations

from dataclasses import replace

import pytest
from msgspec.structs import replace as changed

from tests.unit.states import RUN, T0, ledger_of, sleeping_workers
from tests.unit.test_render_rows import guess, view_of
from wsgiviz.tui.render.digit_rows import digits
from wsgiviz.tui.render.line import text_of
from wsgiviz.tui.render.total_rows import Median, predicted_words


@pytest.mark.parametrize(("took_s", "words"), [(5.5, "+10 %"), (45.0, "+800 %"), (70.0, "14 times that")])
def test_far_off_a_prediction_is_a_multiple(took_s: float, words: str) -> None:
    view = replace(view_of(sleeping_workers(9.0), 9.0), prediction=guess(5.0), makespan_s=took_s)
    assert predicted_words(view)[0][-1].text.strip() == words


def test_how_many_are_answered_is_never_cut() -> None:
    side = sleeping_workers(9.0)
    many = changed(side, run=changed(side.run, planned=2000, completed=2000))
    view = replace(view_of(many, 9.0), makespan_s=10.25)
    [first, *_] = (text_of(row) for row in digits(view, 38, Median()))
    assert first.split()[-1] == "2000/2000"
    late = replace(view, side=changed(many, run=changed(many.run, earlier=456)))
    assert text_of(digits(late, 38, Median())[-1]).rstrip().endswith("456 of run before")


def test_the_median_of_another_run_is_its_own() -> None:
    """Recordings of a lesson's steps have each a run with number 1; played back, a run has fewer answers again."""
    median, slow, quick = Median(), sleeping_workers(9.0), sleeping_workers(9.0, seconds=0.5)
    later = changed(quick, run=changed(quick.run, started_ns=T0 + 1))
    assert median.latency_s(slow) == pytest.approx(3, 0.01)
    assert median.latency_s(later) == pytest.approx(1.5, 0.01)
    one = ledger_of([request for request in slow.ledger.ours() if request.id == RUN + 20])
    few = changed(slow, ledger=one, run=changed(slow.run, completed=1))
    assert median.latency_s(slow) != median.latency_s(few)
