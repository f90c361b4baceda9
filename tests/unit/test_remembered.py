"""What is remembered is of the very same objects, and of few of them."""

from __future__ import annotations

from wsgiviz.analysis.remembered import KEPT, Remembered
from wsgiviz.state.ledger import Ledger


def test_a_result_is_made_once_for_the_same_objects_and_again_for_equal_ones() -> None:
    lengths: Remembered[int] = Remembered()
    made: list[Ledger] = []

    def length(ledger: Ledger) -> int:
        def make() -> int:
            made.append(ledger)
            return len(ledger)

        return lengths.of((ledger, True), make)

    first, second = Ledger(), Ledger()
    assert first == second
    assert [length(one) for one in (first, second, first, second)] == [0] * 4
    assert [id(one) for one in made] == [id(first), id(second)]
    lengths.of((first, False), lambda: 9)
    assert lengths.of((first, False), lambda: 10) == 9, "all of what it follows from counts"


def test_only_the_newest_are_kept() -> None:
    known: Remembered[int] = Remembered()
    ledgers = [Ledger() for _ in range(KEPT + 1)]
    for number, ledger in enumerate(ledgers):
        known.of((ledger,), lambda number=number: number)  # type: ignore[misc]
    assert [known.of((ledger,), lambda: -1) for ledger in reversed(ledgers)] == [*range(KEPT, 0, -1), -1]
