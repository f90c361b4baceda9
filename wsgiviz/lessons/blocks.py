"""The blocks of a step that are no run: a question, and what to look at."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from wsgiviz.lessons.assertion import Formula, formula
from wsgiviz.lessons.documents import Entries
from wsgiviz.lessons.lesson_error import LessonError, nearest
from wsgiviz.lessons.model import Pointer, Question

OF_QUESTION = ("ask", "unit", "choices", "right", "measured", "theory", "because")
MOST_CHOICES = 6
PARTS = ("queue", "lanes", "loop", "pools", "totals", "code", "request")


def read_question(entries: Entries, file: str, line: int) -> Question:
    """The question of a block that begins at ``line``. Raises LessonError."""
    if entries.keys is None:
        raise LessonError(file, entries.line, f"the question block is {entries.words}", "write ask: TEXT, …")
    keys = entries.keys
    for key, entry in keys.items():
        if key not in OF_QUESTION:
            raise LessonError(file, entry.line, f"a question has no {key!r}", nearest(key, OF_QUESTION, "it has"))
    choices = _choices(keys, file)
    measured, theory = (_formula(keys.get(name), file) for name in ("measured", "theory"))
    if measured is None and not choices:
        fix = "add measured: wsgi.makespan_s, or choices: [A, B] and right: 1"
        raise LessonError(file, line, "nothing answers this question", fix)
    return Question(
        ask=_text(keys, "ask", file, line),
        unit=_text(keys, "unit", file, line) if "unit" in keys else "",
        choices=choices,
        right=_right(keys, choices, file, line),
        measured=measured,
        theory=theory,
        because=_text(keys, "because", file, line),
        line=line,
    )


def _text(keys: Mapping[str, Entries], name: str, file: str, line: int) -> str:
    entry = keys.get(name)
    if entry is None or not entry.text:
        raise LessonError(file, entry.line if entry else line, f"the question has no {name}", f"add {name}: TEXT")
    return " ".join(entry.text.split())


def _formula(entry: Entries | None, file: str) -> Formula | None:
    if entry is None:
        return None
    if not entry.text:
        raise LessonError(file, entry.line, "a formula is expected", "write for example wsgi.makespan_s")
    return formula(entry.text, file, entry.line)


def _choices(keys: Mapping[str, Entries], file: str) -> tuple[str, ...]:
    entry = keys.get("choices")
    if entry is None:
        return ()
    found = tuple(" ".join((item.text or "").split()) for item in entry.items or ())
    if not 2 <= len(found) <= MOST_CHOICES or not all(found):
        fix = f"write from 2 to {MOST_CHOICES}: choices: [A worker that is idle, Nobody]"
        raise LessonError(file, entry.line, "choices is not a list of texts", fix)
    return found


def _right(keys: Mapping[str, Entries], choices: Sequence[str], file: str, line: int) -> int | None:
    """The number of the right choice: counted from 1 in the file, from 0 here."""
    entry = keys.get("right")
    if not choices:
        if entry is not None:
            raise LessonError(file, entry.line, "right is for choices, and there are none", "add choices: […]")
        return None
    text = entry.text if entry is not None else ""
    if not text or not re.fullmatch(r"[1-9]", text) or int(text) > len(choices):
        where = entry.line if entry is not None else line
        fix = f"write right: N, from 1 to {len(choices)}"
        raise LessonError(file, where, "which choice is right is not said", fix)
    return int(text) - 1


def read_pointers(entries: Entries, sides: Sequence[str], file: str, line: int) -> tuple[Pointer, ...]:
    """What a look block that begins at ``line`` names, on the ``sides`` that run. Raises LessonError."""
    if not entries.items:
        fix = "write a side and a part a line: - wsgi lanes"
        raise LessonError(file, line, "the look block names nothing", fix)
    return tuple(_pointer(item, sides, file) for item in entries.items)


def _pointer(item: Entries, sides: Sequence[str], file: str) -> Pointer:
    words = (item.text or "").split()
    if len(words) < 2:
        fix = f"write a side ({', '.join(sides)}) and a part: {', '.join(PARTS[:-1])}, or request N"
        raise LessonError(file, item.line, f"{item.text or item.words!r} names nothing to look at", fix)
    side, part, *rest = words
    if side not in sides:
        raise LessonError(file, item.line, f"no side {side!r} runs here", nearest(side, sides, "the run has"))
    if part not in PARTS:
        raise LessonError(file, item.line, f"there is no part {part!r}", nearest(part, PARTS))
    number = rest[0] if part == "request" and len(rest) == 1 else ""
    if part == "request" and not re.fullmatch(r"[1-9]\d{0,5}", number):
        raise LessonError(file, item.line, "which request is not said", "write for example wsgi request 5")
    if part != "request" and rest:
        raise LessonError(file, item.line, f"{' '.join(rest)!r} is left over", f"write {side} {part}")
    return Pointer(side, part, int(number) if number else 0)
