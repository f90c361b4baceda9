"""One signal at a time: the next when gunicorn keeps as many workers as the last one asked for."""

from __future__ import annotations

from signal import SIGTTIN, SIGTTOU

from wsgiviz.control.scaling import MOST_WORKERS, Scaling


def test_each_signal_waits_for_the_effect_of_the_one_before() -> None:
    scaling = Scaling()
    scaling.want(4, +1)
    scaling.want(4, +1)
    assert [scaling.due(4), scaling.due(4)] == [SIGTTIN, None]
    assert [scaling.due(5), scaling.due(5)] == [SIGTTIN, None]
    assert scaling.due(6) is None
    assert scaling.due(4) is None  # it is no longer wanted: somebody else may have changed it


def test_fewer_down_to_one_and_no_more_than_most() -> None:
    scaling = Scaling()
    scaling.want(2, -5)
    assert scaling.due(2) is SIGTTOU
    assert scaling.due(1) is None
    scaling.want(MOST_WORKERS, +3)
    assert scaling.due(MOST_WORKERS) is None


def test_a_change_of_mind_turns_round() -> None:
    scaling = Scaling()
    scaling.want(3, +2)
    assert scaling.due(3) is SIGTTIN
    scaling.want(4, -3)
    assert scaling.due(4) is SIGTTOU
