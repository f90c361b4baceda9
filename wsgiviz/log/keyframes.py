"""Keyframes: a snapshot as bytes, so that a jump need not reduce from the start.

A ledger's chunks are most of a State, and most of them are as they were at the keyframe before. Chunks are therefore
blocks of their own, with numbers, and a keyframe names those that its ledgers consist of. A State shares unchanged
chunks with the one before it, so that the same object is the same chunk.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import cache
from hashlib import sha256
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from wsgiviz import __version__
from wsgiviz.analysis.occurrences import Occurrences
from wsgiviz.log.format import Damaged
from wsgiviz.log.packing import encode, redacted
from wsgiviz.log.snapshot import Snapshot
from wsgiviz.settings import Settings, make
from wsgiviz.state import Ledger, Side, State
from wsgiviz.state.ledger import CHUNK, Chunk

Decoded = TypeVar("Decoded")


class Keyframe(Struct, frozen=True, array_like=True):
    """A snapshot without its ledgers' chunks; ``chunks`` are their numbers, by side and by place in its ledger.

    ``settings`` are by name, as `wsgiviz.settings.make` takes them: it checks them again.
    """

    state: State
    settings: dict[str, Any]
    occurrences: Occurrences
    chunks: dict[str, dict[int, int]]


class ChunkNumbers:
    """Which chunks are written, and under which number."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], tuple[Chunk, int]] = {}
        self._newest = 0

    def of(self, side: Side) -> tuple[dict[int, int], list[tuple[int, Chunk]]]:
        """Numbers of the chunks of a side's ledger by place, and those that are new, with their numbers."""
        chunks = side.ledger.chunks
        numbers, new = {}, []
        for at, chunk in chunks.items():
            known = self._known.get((side.name, at))
            if known is None or known[0] is not chunk:
                self._newest += 1
                known = self._known[side.name, at] = chunk, self._newest
                new.append((self._newest, chunk))
            numbers[at] = known[1]
        for name, at in [key for key in self._known if key[0] == side.name and key[1] not in chunks]:
            del self._known[name, at]
        return numbers, new


@cache
def layout() -> bytes:
    """Stands before a keyframe: the version that reduced it, and the layout of its types. Another's is not read."""
    described = repr(msgspec.inspect.type_info(tuple[Keyframe, Chunk]))
    return f"{__version__} {sha256(described.encode()).hexdigest()[:16]}\n".encode()


def encode_keyframe(snapshot: Snapshot, chunks: dict[str, dict[int, int]]) -> bytes:
    """``snapshot`` without the chunks that stand in ``chunks``."""
    state = snapshot.state
    sides = {name: replace(side, ledger=Ledger({}, side.ledger.external)) for name, side in state.sides.items()}
    bare = replace(state, sides=sides, settings=Settings())
    return layout() + encode(Keyframe(bare, settings_given(state.settings), snapshot.occurrences, chunks))


def settings_given(settings: Settings) -> dict[str, Any]:
    """Settings by name, as `wsgiviz.settings.make` takes them; without a password."""
    given = {entry.name: getattr(settings, entry.name) for entry in fields(settings)}
    return redacted({name: value for name, value in given.items() if value is not None})


def decode_keyframe(raw: bytes, chunk: Callable[[int], Chunk]) -> Snapshot:
    """The snapshot in ``raw``; ``chunk`` gives the chunk of a number. Raises Damaged, and what ``chunk`` raises."""
    if not raw.startswith(layout()):
        raise Damaged("a keyframe of another version")
    found = _decoded(raw[len(layout()) :], Keyframe)
    state = found.state
    sides = {
        name: replace(side, ledger=replace(side.ledger, chunks=_chunks(found.chunks.get(name, {}), chunk)))
        for name, side in state.sides.items()
    }
    return Snapshot(replace(state, sides=sides, settings=_settings(found.settings)), found.occurrences)


def _chunks(numbers: dict[int, int], chunk: Callable[[int], Chunk]) -> dict[int, Chunk]:
    return {at: chunk(number) for at, number in numbers.items()}


def _settings(given: dict[str, Any]) -> Settings:
    try:
        return make(**given)
    except Exception as error:  # any value may stand in a file, and code that checks texts meets it
        raise Damaged(f"settings: {error}") from error


def decode_chunk(raw: bytes) -> Chunk:
    """Raises Damaged."""
    chunk = _decoded(raw, Chunk)
    if len(chunk.requests) != CHUNK:
        raise Damaged(f"a chunk of {len(chunk.requests)} requests")
    return chunk


def _decoded(raw: bytes, type: type[Decoded]) -> Decoded:
    try:
        return msgspec.msgpack.decode(raw, type=type)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Damaged(str(error)) from error
