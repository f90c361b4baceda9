"""Signals to a headless run: the first ends it in order, and no other cuts the clean-up short."""

from __future__ import annotations

import signal

import pytest

from wsgiviz.report.interrupts import Interrupted, interruptible

ENDING = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.mark.parametrize("number", ENDING, ids=lambda number: number.name)
def test_the_first_signal_ends_it_and_the_next_is_ignored(number: signal.Signals) -> None:
    def run() -> None:
        with interruptible():
            try:
                signal.raise_signal(number)
            finally:
                for other in ENDING:
                    signal.raise_signal(other)

    before = [signal.getsignal(each) for each in ENDING]
    with pytest.raises(Interrupted) as ended:
        run()
    assert ended.value.number == number
    assert [signal.getsignal(each) for each in ENDING] == before


def test_once_it_is_over_no_signal_interrupts_the_clean_up() -> None:
    with interruptible() as ignore_more:
        ignore_more()
        for number in ENDING:
            signal.raise_signal(number)


def test_what_was_ignored_stays_ignored() -> None:
    """As under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptible():
            signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
