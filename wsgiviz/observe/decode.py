"""Records of a ring into typed events: `wsgiviz.recorder.codec.FIELDS` says which value is which field.

Values are passed on as they are, absurd ones too: they come from another process. What reads them takes care.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Any

from wsgiviz.events import EVENT_TYPES, Event, RequestEnded
from wsgiviz.recorder.codec import FIELDS, Kind
from wsgiviz.recorder.reader import Ended, Record

Values = Callable[[tuple[Any, ...]], tuple[Any, ...]]
"""Picks an event's own fields, in its order, from a record."""


def decode(records: Iterable[Record | Ended], side: str, pid: int) -> list[Event]:
    """The events that the process ``pid`` of ``side`` wrote as these records, in the same order.

    Raises KeyError for a kind that `RingReader` does not let through.
    """
    table = TABLE
    events: list[Event] = []
    for record in records:
        make, values = table[record[1]]
        events.append(make(record[0], side, pid, *values(record)))
    return events


def _values_of(kind: Kind, made: type[Event]) -> Values:
    """Finds the fields of one kind. Raises ValueError when codec and vocabulary do not agree."""
    held_in = {field: value for value, field in FIELDS[kind]._asdict().items() if field}
    places = [Record._fields.index(held_in.pop(field)) for field in made.__struct_fields__[3:]]
    if held_in:
        raise ValueError(f"{made.__name__} has no field {', '.join(held_in)}")
    # itemgetter gives a tuple only for two items and more, or for a slice.
    if len(places) < 2:
        first = places[0] if places else 0
        return itemgetter(slice(first, first + len(places)))
    return itemgetter(*places)


TABLE: dict[int, tuple[type[Event], Values]] = {
    int(kind): (EVENT_TYPES[kind], _values_of(kind, EVENT_TYPES[kind])) for kind in FIELDS
}
TABLE[int(Kind.REQUEST_ENDED)] = RequestEnded, itemgetter(slice(2, None))
