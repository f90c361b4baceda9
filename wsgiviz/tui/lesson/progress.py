"""How far a person has come in each lesson, kept between runs in a small JSON file of theirs."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

import msgspec
from platformdirs import user_data_path

MOST_BYTES = 1_000_000
FILE = "lessons.json"


class LessonProgress(msgspec.Struct, frozen=True):
    """``step`` is the index of the step shown last, ``furthest`` that of the last one ever shown, of ``steps``."""

    step: int = 0
    furthest: int = 0
    steps: int = 0

    @property
    def done(self) -> bool:
        return self.steps > 0 and self.furthest >= self.steps - 1


class ProgressFile:
    """Reads the file once, and replaces it as a whole with each change.

    ``problem`` says in words why what was there could not be read, or can't be written; "" when nothing is wrong.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or user_data_path("wsgiviz") / FILE
        self.problem = ""
        self._known = self._read()

    def _read(self) -> dict[str, LessonProgress]:
        try:
            with self.path.open("rb") as file:
                data = file.read(MOST_BYTES + 1)
            if len(data) > MOST_BYTES:
                raise ValueError("too long")
            return msgspec.json.decode(data, type=dict[str, LessonProgress])
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is damaged"
            self.problem = f"Your progress could not be read ({self.path}: {why}); it begins anew."
            return {}

    def of(self, key: str) -> LessonProgress:
        return self._known.get(key, LessonProgress())

    def note(self, key: str, progress: LessonProgress) -> None:
        """Keep it. A file that can't be written costs nothing but the progress; ``problem`` says so."""
        if self._known.get(key) == progress:
            return
        self._known[key] = progress
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(self.path, msgspec.json.format(msgspec.json.encode(self._known)))
        except OSError as error:
            self.problem = f"Your progress can't be kept in {self.path}: {error.strerror or error}."


def replace_file(path: Path, data: bytes) -> None:
    """Write a file so that a reader finds the old one or the new one, whole. Raises OSError."""
    number, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(data)
        os.replace(name, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
