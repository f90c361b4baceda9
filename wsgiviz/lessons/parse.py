"""Markdown → Lesson. Pure: whoever has the text says which file it is from."""

from __future__ import annotations

import re
from pathlib import PurePath

from wsgiviz.lessons.documents import Entries, read_document
from wsgiviz.lessons.lesson_error import LessonError, nearest
from wsgiviz.lessons.model import Lesson, LessonStep, StepKind
from wsgiviz.lessons.run_settings import read_settings, whole_settings
from wsgiviz.lessons.sections import Document, read_markdown
from wsgiviz.lessons.steps import read_steps

LONGEST_LESSON = 100_000
KEYS = ("title", "claim", "symptom", "minutes", "settings", "steps")
NUMBERED = re.compile(r"\d+-")


def parse_lesson(text: str, file: str) -> Lesson:
    """The lesson that ``text`` is; ``file`` is named in errors, and names the lesson. Raises LessonError."""
    if len(text) > LONGEST_LESSON:
        raise LessonError(file, 0, f"{len(text)} characters", f"a lesson has at most {LONGEST_LESSON}")
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    document = read_markdown(text, file)
    return _Front(document, file).lesson()


def name_of(file: str) -> str:
    """ "blocked-worker" of "course/02-blocked-worker.md"."""
    stem = PurePath(file).stem
    return NUMBERED.sub("", stem, count=1) or stem


class _Front:
    """The front matter, and the lesson that it begins."""

    def __init__(self, document: Document, file: str) -> None:
        self._document = document
        self._file = file
        entries = read_document(document.front_matter, file, 1)
        if entries.keys is None:
            fix = "write NAME: VALUE, one a line: title, claim, steps"
            raise LessonError(file, entries.line, f"the front matter is {entries.words}", fix)
        self._keys = entries.keys
        for key, entry in self._keys.items():
            if key not in KEYS:
                what = f"the front matter has no {key!r}"
                raise LessonError(file, entry.line, what, nearest(key, KEYS, "it has"))

    def lesson(self) -> Lesson:
        title, claim = self._text("title"), self._text("claim")
        entry = self._keys.get("settings", Entries(1, keys={}))
        if entry.keys is None:
            raise LessonError(self._file, entry.line, f"settings is {entry.words}", "write NAME: VALUE, one a line")
        given = read_settings(entry.keys, self._file)
        base = whole_settings(given, entry.keys, self._file, entry.line)
        steps = self._steps(given)
        symptom = self._text("symptom") if "symptom" in self._keys else ""
        return Lesson(name_of(self._file), title, claim, steps, self._file, given, base, self._minutes(), symptom)

    def _text(self, key: str) -> str:
        entry = self._keys.get(key)
        if entry is None or not entry.text:
            line = entry.line if entry else 1
            raise LessonError(self._file, line, f"the front matter has no text for {key}", f"add {key}: TEXT")
        return " ".join(entry.text.split())

    def _minutes(self) -> int | None:
        entry = self._keys.get("minutes")
        if entry is None:
            return None
        if entry.text is None or not re.fullmatch(r"[1-9]\d{0,2}", entry.text):
            raise LessonError(self._file, entry.line, "minutes is not a whole number", "write minutes: 5")
        return int(entry.text)

    def _kinds(self) -> list[StepKind]:
        entry = self._keys.get("steps")
        if entry is None or not entry.items:
            line = entry.line if entry else 1
            fix = "add steps: [narration, run, …], one for each ## heading"
            raise LessonError(self._file, line, "the front matter has no list of steps", fix)
        kinds = {kind.value: kind for kind in StepKind}
        for item in entry.items:
            if item.text not in kinds:
                what = f"there is no kind of step {item.text or item.words!r}"
                raise LessonError(self._file, item.line, what, nearest(item.text or "", kinds))
        return [kinds[str(item.text)] for item in entry.items]

    def _steps(self, given: dict[str, object]) -> tuple[LessonStep, ...]:
        kinds, sections = self._kinds(), self._document.sections
        if len(kinds) > len(sections):
            what = f"{len(kinds)} steps are listed, and {len(sections)} ## headings follow"
            fix = f"begin step {len(sections) + 1}, {kinds[len(sections)].value}, with ## Title, or drop it"
            raise LessonError(self._file, self._keys["steps"].line, what, fix)
        if len(kinds) < len(sections):
            extra = sections[len(kinds)]
            what = f"{len(kinds)} steps are listed, and this is heading {len(kinds) + 1}"
            raise LessonError(self._file, extra.line, what, f"add the kind of step {extra.title!r} to steps: […]")
        return read_steps(kinds, sections, given, self._file)
