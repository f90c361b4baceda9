"""Checks lessons: carries out all of their runs without a screen, and says what holds of their results."""

from __future__ import annotations

import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from wsgiviz.errors import NotInstalled, WsgivizError
from wsgiviz.lessons.evidence import Evidence
from wsgiviz.lessons.library import Shelf
from wsgiviz.lessons.model import Experiment, Lesson, LessonStep, StepKind
from wsgiviz.report.check_report import CheckReport
from wsgiviz.report.checked import CheckedLesson, CheckedRun, answer, judged, questions_of
from wsgiviz.report.interrupts import Interrupted, interruptible
from wsgiviz.report.lesson_runs import LessonRuns, in_folder
from wsgiviz.settings import Settings


def run_check(shelf: Shelf, json: str | None = None, ascii_only: bool = False) -> int:
    """Check all lessons on the shelf, one after the other, and report. ``json``: a file's name, or "-" for stdout.

    Gives 0 when everything holds, 1 when something does not, or a file is broken; and 128 plus its number after a
    signal, which ends everything in order. Raises WsgivizError when the JSON can't be written.
    """
    report = CheckReport(ascii_only, to_stderr=json == "-")
    try:
        with interruptible() as ignore_more, LessonRuns(ascii_only) as runs:
            try:
                _check_all(shelf, runs, report)
            finally:
                ignore_more()  # half a clean-up would leave processes
    except Interrupted as interrupted:
        print(f"wsgiviz: ended by {signal.Signals(interrupted.number).name}", file=sys.stderr, flush=True)
        return 128 + interrupted.number
    report.end()
    if json is not None:
        report.write(json)
    return 0 if report.holds else 1


def _check_all(shelf: Shelf, runs: LessonRuns, report: CheckReport) -> None:
    for error in shelf.broken:
        report.lesson_ended(CheckedLesson(None, broken=error))
    for lesson in shelf.lessons:
        report.lesson_begins(lesson)
        report.lesson_ended(_check_lesson(lesson, runs, report))


def _check_lesson(lesson: Lesson, runs: LessonRuns, report: CheckReport) -> CheckedLesson:
    begun = time.monotonic()
    earlier: dict[str, dict[str, Any]] = {}
    checked: list[CheckedRun] = []
    for step in lesson.runs:
        done = _check_step(lesson, step, runs, earlier)
        report.run_ended(lesson, done)
        checked.append(done)
    return CheckedLesson(lesson, tuple(checked), time.monotonic() - begun)


def _check_step(lesson: Lesson, step: LessonStep, runs: LessonRuns, earlier: dict[str, dict[str, Any]]) -> CheckedRun:
    """``earlier`` are the results of the runs that have a name, by it; the run's own is added."""
    assert step.run is not None
    settings = _settings(step.run, step.kind)
    if settings is None:
        return CheckedRun(step, skipped="it is for a file of your own")
    begun = time.monotonic()
    result, failure = None, None
    try:
        with in_folder(Path(lesson.file).absolute().parent if step.run.example else None):
            result = runs.run(settings)
    except NotInstalled as error:
        return CheckedRun(step, skipped=f"{error.message} ({error.hint})")
    except WsgivizError as error:
        failure = error
    if result is not None and step.run.name:
        earlier[step.run.name] = result
    evidence = Evidence(result, earlier, _words(failure))
    found = CheckedRun(
        step,
        time.monotonic() - begun,
        judged=judged(step.run.assertions, evidence),
        answers=tuple(answer(question, evidence) for question in questions_of(lesson, step)),
    )
    return replace(found, failure=_unexpected(step.run, failure))


def _settings(run: Experiment, kind: StepKind) -> Settings | None:
    """What is run: of an exercise its example; None where there is none."""
    if kind is not StepKind.MAKE:
        return run.whole
    if not run.example:
        return None
    module = run.example.removesuffix(".py")
    apps = {"wsgi": run.whole.wsgi, "asgi": run.whole.asgi}
    own: dict[str, Any] = {name: f"{module}:{app.partition(':')[2]}" for name, app in apps.items() if app}
    return replace(run.whole, **own)


def _words(failure: WsgivizError | None) -> str:
    return "\n".join((failure.message, failure.hint, failure.detail)) if failure is not None else ""


def _unexpected(run: Experiment, failure: WsgivizError | None) -> WsgivizError | None:
    if run.fails and failure is None:
        return WsgivizError("the servers have started, and were expected not to", "is fails: yes right here?")
    return None if run.fails else failure
