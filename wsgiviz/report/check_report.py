"""The report of a check: a line for each assertion while it runs, a verdict at the end, and the same as JSON.

The JSON object, schema 1: ``wsgiviz`` (its version), ``holds``, ``seconds``, and ``lessons``. Of each lesson
``file``, ``name``, ``title``, ``claim`` (null where the file could not be read), ``holds``, ``seconds``, ``error``
(null, or ``line``, ``message``, ``fix``) and ``runs``. Of each run ``step`` (its title), ``line``, ``name`` (null
without one), ``holds``, ``seconds``, ``skipped`` (null, or why), ``failure`` (null, or ``message`` and ``fix``),
``assertions`` (``line``, ``text``, ``holds``, ``measured`` and ``expected`` in words) and ``questions`` (``line``,
``ask``, ``theory``, ``measured``).
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from wsgiviz import __version__
from wsgiviz.lessons.lesson_error import LessonError
from wsgiviz.lessons.model import Lesson
from wsgiviz.report.checked import Answer, CheckedLesson, CheckedRun
from wsgiviz.report.output import as_json, write_whole
from wsgiviz.report.plain import plain, spelled

SCHEMA = 1
BUSY = 3.0
"""Load average for each core from which others must be at work: a check mostly waits."""


class CheckReport:
    """Prints as the check goes on. Texts of apps are made harmless."""

    def __init__(self, ascii_only: bool = False, to_stderr: bool = False) -> None:
        self._console = Console(stderr=to_stderr, highlight=False)
        self._ascii_only = plain(self._console, ascii_only)
        self._begun = time.monotonic()
        self._seconds = 0.0
        self._lessons: list[CheckedLesson] = []

    @property
    def holds(self) -> bool:
        """Of all that was checked."""
        return all(checked.holds for checked in self._lessons)

    def lesson_begins(self, lesson: Lesson) -> None:
        self._print(f"{lesson.name}: {lesson.symptom or lesson.title}", "bold")

    def run_ended(self, lesson: Lesson, checked: CheckedRun) -> None:
        """The step, and what is said of each assertion. Of what does not hold, file and line too."""
        took = f"skipped: {checked.skipped}" if checked.skipped else f"{checked.seconds:.1f} s"
        self._print(f"  {checked.step.title}  {took}", "dim")
        if checked.failure is not None:
            self._print_failure(lesson, checked)
            return
        for assertion, judgement in checked.judged:
            self._print_line(judgement.holds, judgement.sentence, f"{lesson.file}:{assertion.line}")
        for answer in checked.answers:
            if answer.unknown:
                self._print_line(False, f"the question's answer: {answer.unknown}", _place(lesson, answer))

    def lesson_ended(self, checked: CheckedLesson) -> None:
        self._lessons.append(checked)
        if checked.broken is not None:
            self._print_line(False, str(checked.broken), "")
            self._print(f"      {checked.broken.hint}")

    def end(self) -> None:
        """The verdict, and how long it took."""
        self._seconds = time.monotonic() - self._begun
        judged = [judgement for run in self._runs() for _, judgement in run.judged]
        runs = sum(not run.skipped for run in self._runs())
        what = f"{_number(len(self._lessons), 'lesson')}, {_number(runs, 'run')}, {_number(len(judged), 'assertion')}"
        wrong = [checked for checked in self._lessons if not checked.holds]
        verdict = "everything holds" if self.holds else f"not everything holds: {', '.join(map(_name, wrong))}"
        self._print(f"{what} in {self._seconds:.0f} s: {verdict}", "bold green" if self.holds else "bold red")
        if not self.holds and (busy := _busy()):
            self._print(busy)

    def write(self, target: str) -> None:
        """The whole as JSON, to a file or ("-") stdout. Raises WsgivizError when that can't be."""
        text = as_json(self._as_object())
        if target == "-":
            print(text)
        else:
            write_whole(Path(target), text + "\n")
            self._print(f"JSON written to {target}")

    def _runs(self) -> list[CheckedRun]:
        return [run for checked in self._lessons for run in checked.runs]

    def _print(self, words: str, style: str = "") -> None:
        self._console.print(Text(spelled(words, self._ascii_only), style), soft_wrap=True)

    def _print_line(self, holds: bool, words: str, place: str) -> None:
        sign = spelled("✓" if holds else "✗", self._ascii_only)
        line = Text("    ") + Text(f"{sign} ", "green" if holds else "bold red")
        line.append(spelled(words, self._ascii_only))
        if place and not holds:
            line.append(f"  {spelled(place, self._ascii_only)}", "dim")
        self._console.print(line, soft_wrap=True)

    def _print_failure(self, lesson: Lesson, checked: CheckedRun) -> None:
        assert checked.failure is not None
        assert checked.step.run is not None
        self._print_line(False, checked.failure.message, f"{lesson.file}:{checked.step.run.line}")
        if checked.failure.hint:
            self._print(f"      {checked.failure.hint}")
        for line in checked.failure.detail.splitlines()[-3:]:
            self._print(f"      | {line}")

    # --- JSON -----------------------------------------------------------------------------------------------------

    def _as_object(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "wsgiviz": __version__,
            "holds": self.holds,
            "seconds": self._seconds,
            "lessons": [_lesson(checked) for checked in self._lessons],
        }


def _busy() -> str:
    """What a person should know before they doubt a lesson; "" when the load is what the check itself makes."""
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load < BUSY * cores:
        return ""
    return f"This machine is busy (load average {load:.1f} on {_number(cores, 'core')}): times may be longer by that."


def _number(count: int, what: str) -> str:
    return f"{count} {what}" + "s" * (count != 1)


def _name(checked: CheckedLesson) -> str:
    return checked.lesson.name if checked.lesson is not None else Path(_file(checked)).name


def _file(checked: CheckedLesson) -> str:
    if checked.lesson is not None:
        return checked.lesson.file
    return checked.broken.file if checked.broken is not None else ""


def _place(lesson: Lesson, answer: Answer) -> str:
    return f"{lesson.file}:{answer.question.line}"


def _lesson(checked: CheckedLesson) -> dict[str, Any]:
    lesson = checked.lesson
    return {
        "file": _file(checked),
        "name": lesson.name if lesson is not None else None,
        "title": lesson.title if lesson is not None else None,
        "claim": lesson.claim if lesson is not None else None,
        "holds": checked.holds,
        "seconds": checked.seconds,
        "error": _error(checked.broken),
        "runs": [_run(run) for run in checked.runs],
    }


def _error(error: LessonError | None) -> dict[str, Any] | None:
    return {"line": error.line, "message": error.what, "fix": error.hint} if error is not None else None


def _run(run: CheckedRun) -> dict[str, Any]:
    assert run.step.run is not None
    failure = run.failure
    return {
        "step": run.step.title,
        "line": run.step.run.line,
        "name": run.step.run.name or None,
        "holds": run.holds,
        "seconds": run.seconds,
        "skipped": run.skipped or None,
        "failure": {"message": failure.message, "fix": failure.hint} if failure is not None else None,
        "assertions": [
            {
                "line": assertion.line,
                "text": assertion.text,
                "holds": judgement.holds,
                "measured": judgement.measured,
                "expected": judgement.expected,
            }
            for assertion, judgement in run.judged
        ],
        "questions": [
            {
                "line": answer.question.line,
                "ask": answer.question.ask,
                "theory": answer.theory,
                "measured": answer.measured,
            }
            for answer in run.answers
        ],
    }
