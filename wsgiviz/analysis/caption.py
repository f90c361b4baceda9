"""A sentence on what is going on, and how it is meant."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from wsgiviz.analysis.verdict import Verdict


class Tone(StrEnum):
    PLAIN = "plain"
    GOOD = "good"
    WARN = "warn"


class Caption(Struct, frozen=True):
    """A sentence, and how it is meant. ``text`` may hold words from an app: escape it before it is shown.

    ``keys``: what a person can press now, for where there are servers and a keyboard. ``more``: what explains it,
    where there is room; ``verdict`` is that of the run that has ended, of which ``text`` says what happened.
    """

    text: str
    tone: Tone = Tone.PLAIN
    keys: str = ""
    more: str = ""
    verdict: Verdict | None = None
