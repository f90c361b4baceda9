"""What holds for the reducer whatever happens: order between processes does not matter, and a State never changes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random
from typing import Any

import msgspec
from hypothesis import given, settings

from tests.unit.plausible_runs import interleaved, parts, randoms, run
from wsgiviz.events import Event
from wsgiviz.state import State, reduce

modest = settings(max_examples=100, deadline=None)


def reduced(batches: Iterable[Sequence[Event]]) -> State:
    state = State()
    for batch in batches:
        state = reduce(state, batch)
    return state


def differences(one: Any, other: Any, path: str = "") -> list[str]:
    """Where two States differ, for a person who has to find out why."""
    if isinstance(one, dict) and isinstance(other, dict):
        keys = [*one, *(key for key in other if key not in one)]
        return [line for key in keys for line in differences(one.get(key), other.get(key), f"{path}.{key}")]
    if isinstance(one, tuple) and isinstance(other, tuple) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [line for at, (left, right) in pairs for line in differences(left, right, f"{path}.{at}")]
    return [] if one == other else [f"{path}: {one!r} or {other!r}"]


def assert_same(one: State, other: State) -> None:
    plain = [msgspec.to_builtins(state) for state in (one, other)]
    assert one == other, "\n".join(differences(*plain))


@modest
@given(randoms)
def test_order_between_processes_does_not_matter(random: Random) -> None:
    first, sources = parts(random)
    states = [reduced([first, *interleaved(random, sources)]) for _ in range(2)]
    assert_same(*states)


@modest
@given(randoms)
def test_batches_do_not_matter(random: Random) -> None:
    batches = run(random)
    together = [event for batch in batches for event in batch]
    assert_same(reduced(batches), reduced([together]))
    assert_same(reduced(batches), reduced([event] for event in together))


@modest
@given(randoms)
def test_a_state_that_was_published_never_changes(random: Random) -> None:
    state, published = State(), []
    for batch in run(random):
        published.append((state, msgspec.msgpack.encode(state)))
        state = reduce(state, batch)
    for before, encoded in published:
        assert msgspec.msgpack.encode(before) == encoded


@modest
@given(randoms)
def test_the_same_events_give_the_same_bytes(random: Random) -> None:
    batches = run(random)
    assert msgspec.msgpack.encode(reduced(batches)) == msgspec.msgpack.encode(reduced(batches))
