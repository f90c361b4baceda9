"""Every event that a process emits comes back as it was: emitter, codec, reader, decoder and vocabulary agree."""

from __future__ import annotations

import inspect
import re

import pytest

from tests.unit.rings import PLENTY, MemoryRing
from wsgiviz.events import EVENT_TYPES, Event, LineSeen, RunStarted
from wsgiviz.observe.decode import TABLE, decode
from wsgiviz.recorder.codec import FIELDS, Kind
from wsgiviz.recorder.emitter import Emitter, silent_emitter

METHODS = {kind: re.sub(r"(?<!^)(?=[A-Z])", "_", EVENT_TYPES[kind].__name__).lower() for kind in Kind}


def fields(kind: Kind) -> tuple[str, ...]:
    """The event's own ones."""
    return EVENT_TYPES[kind].__struct_fields__[3:]


def is_text(kind: Kind, field: str) -> bool:
    annotation: str = EVENT_TYPES[kind].__annotations__[field]
    return annotation == "str"


@pytest.mark.parametrize("kind", Kind)
def test_what_is_emitted_is_decoded(kind: Kind) -> None:
    ring = MemoryRing()
    values: list[int | str] = [name if is_text(kind, name) else 100 + at for at, name in enumerate(fields(kind))]
    raw = [value.encode() if isinstance(value, str) else value for value in values]
    getattr(ring.emit, METHODS[kind])(*raw, t_ns=7)
    events = decode(ring.reader.poll(PLENTY), "asgi", 4711)
    assert events == [EVENT_TYPES[kind](7, "asgi", 4711, *values)]


@pytest.mark.parametrize("kind", Kind)
def test_a_method_takes_the_fields_of_its_event_in_order(kind: Kind) -> None:
    method = getattr(MemoryRing().emit, METHODS[kind])
    assert tuple(inspect.signature(method).parameters) == (*fields(kind), "t_ns")
    defaults = [parameter.default for parameter in inspect.signature(method).parameters.values()]
    assert defaults[-1] == 0


def test_a_silent_emitter_has_every_method() -> None:
    emit = silent_emitter()
    for kind in Kind:
        getattr(emit, METHODS[kind])(*[0] * len(fields(kind)), t_ns=1)


def test_an_emitter_has_a_method_for_each_kind_and_no_other() -> None:
    public = {name for name in dir(Emitter) if not name.startswith("_")} - {
        "memory",
        "detailed",
        "set_detailed",
        "written",
    }
    assert public == set(METHODS.values())


def test_every_kind_of_record_has_its_type_of_event() -> None:
    assert set(TABLE) == {int(kind) for kind in Kind} == {int(kind) for kind in FIELDS} | {int(Kind.REQUEST_ENDED)}
    for kind, (made, _) in TABLE.items():
        assert issubclass(made, Event)
        assert made.__struct_config__.tag == kind


def test_absurd_numbers_are_passed_on() -> None:
    ring = MemoryRing()
    ring.emit.run_started(-(2**63), 2**63 - 1, -1, t_ns=-5)
    ring.emit.line_seen(65535, -1, -2, b"\xff\x1b[31m")
    started, seen = decode(ring.reader.poll(PLENTY), "wsgi", 1)
    assert started == RunStarted(-5, "wsgi", 1, -(2**63), 2**63 - 1, -1)
    assert seen == LineSeen(seen.t_ns, "wsgi", 1, 65535, -1, -2, "\ufffd\x1b[31m")
