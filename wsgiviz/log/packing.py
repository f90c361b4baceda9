"""Events as MessagePack, and back. What is read is hostile: msgspec checks every field's type while it decodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Union

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from wsgiviz.events import EVENT_TYPES, Event, RunRequested, SettingsChanged
from wsgiviz.log.format import Damaged
from wsgiviz.settings import hidden

MOST_BATCHES = 2**16 - 1
"""Batches of a block."""

_ENCODER = msgspec.msgpack.Encoder()
_BATCHES = msgspec.msgpack.Decoder(list[Raw])
_ANY_EVENT: Any = Union[tuple(EVENT_TYPES.values())]  # noqa: UP007 - made of a list
_EVENTS: msgspec.msgpack.Decoder[tuple[Event, ...]] = msgspec.msgpack.Decoder(tuple[_ANY_EVENT, ...])
_NOT_DECODED = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def encode(value: object) -> bytes:
    """``value`` as MessagePack. Lone surrogates in texts, which have no UTF-8, become their escapes."""
    try:
        return _ENCODER.encode(value)
    except UnicodeEncodeError:
        return _ENCODER.encode(_escaped(msgspec.to_builtins(value)))


def _escaped(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, list | tuple):
        return type(value)(_escaped(item) for item in value)
    if isinstance(value, dict):
        return {_escaped(key): _escaped(item) for key, item in value.items()}
    return value


def encode_batch(events: Sequence[Event]) -> tuple[Raw, bool]:
    """A batch, without what must not be written; and whether a run that a person asked for is requested in it."""
    fired = False
    for at, event in enumerate(events):
        found = type(event)
        if found is RunRequested:
            fired = fired or not event.calibration  # type: ignore[attr-defined]
        elif found is SettingsChanged:
            given = redacted(event.given)  # type: ignore[attr-defined]
            events = [*events[:at], replace(event, given=given), *events[at + 1 :]]
    return Raw(encode(events)), fired


def redacted(given: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by name, without what may hold a password."""
    return hidden(given)


def encode_batches(batches: list[Raw]) -> bytes:
    return _ENCODER.encode(batches)


def split_batches(raw: bytes, count: int) -> list[Raw]:
    """The batches of a block, not decoded yet. Raises Damaged when they are not ``count``."""
    if not raw.startswith(_array_of(count)):
        raise Damaged("another number of batches")
    try:
        return _BATCHES.decode(raw)
    except _NOT_DECODED as error:
        raise Damaged(str(error)) from error


def _array_of(count: int) -> bytes:
    """How MessagePack begins an array of ``count``. Looked at first: an array of millions would take gigabytes."""
    if count > MOST_BATCHES:
        raise Damaged("too many batches")
    return bytes([0x90 | count]) if count < 16 else b"\xdc" + count.to_bytes(2, "big")


def decode_batch(raw: Raw) -> tuple[Event, ...]:
    """The events of a batch. Raises Damaged."""
    try:
        return _EVENTS.decode(raw)
    except _NOT_DECODED as error:
        raise Damaged(str(error)) from error
