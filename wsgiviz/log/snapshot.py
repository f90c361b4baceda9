"""What is known at one position of a log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from wsgiviz.analysis.occurrences import Occurrences
from wsgiviz.events import Event
from wsgiviz.state import State, reduce


class Snapshot(NamedTuple):
    """The State, and what the lints have found until then. By default: before the first event."""

    state: State = State()
    occurrences: Occurrences = Occurrences()

    def after(self, events: Sequence[Event]) -> Snapshot:
        """The snapshot one batch later."""
        state = reduce(self.state, events)
        return Snapshot(state, self.occurrences.after(state))
