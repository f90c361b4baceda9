"""The base of the vocabulary."""

from __future__ import annotations

from msgspec import Struct


class Event(Struct, frozen=True, array_like=True, gc=False):
    """A fact. Its subclasses are the vocabulary."""

    t_ns: int
    side: str
    pid: int
