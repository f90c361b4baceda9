"""The steps of a lesson, one after the other: what each kind needs, and what may stand in it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from wsgiviz.lessons.assertion import Assertion, assertion
from wsgiviz.lessons.blocks import read_pointers, read_question
from wsgiviz.lessons.documents import Entries, read_document
from wsgiviz.lessons.expressions import SIDES
from wsgiviz.lessons.lesson_error import LessonError
from wsgiviz.lessons.model import Experiment, LessonStep, Question, StepKind
from wsgiviz.lessons.run_settings import APPS, merged, read_settings, refuse_useless, whole_settings
from wsgiviz.lessons.scope import Scope
from wsgiviz.lessons.sections import Fence, Section
from wsgiviz.lessons.syntax import FailureSays
from wsgiviz.settings import Settings

OF_STEP: Mapping[StepKind, tuple[tuple[str, ...], tuple[str, ...]]] = {
    StepKind.NARRATION: ((), ()),
    StepKind.QUESTION: (("question",), ()),
    StepKind.RUN: (("run",), ()),
    StepKind.REVEAL: ((), ()),
    StepKind.INVESTIGATE: (("look",), ()),
    StepKind.MODIFY: (("run",), ("question",)),
    StepKind.MAKE: (("run",), ()),
}
"""Of each kind of step the blocks that it needs, and those that it may have."""

OF_RUN = ("name", "check", "fails", "example")
RUN_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
EXAMPLE = re.compile(r"[A-Za-z_]\w*\.py")


def read_steps(
    kinds: Sequence[StepKind], sections: Sequence[Section], base: Mapping[str, Any], file: str
) -> tuple[LessonStep, ...]:
    """The steps; ``base`` are the lesson's settings. Raises LessonError."""
    reader = _Steps(base, file)
    steps = tuple(reader.step(kind, section) for kind, section in zip(kinds, sections, strict=True))
    _check_questions(steps, file)
    return steps


class _Steps:
    """What is known of the steps before the one that is read."""

    def __init__(self, base: Mapping[str, Any], file: str) -> None:
        self._base = base
        self._file = file
        self._named: dict[str, Settings] = {}
        self._newest: Settings | None = None

    def step(self, kind: StepKind, section: Section) -> LessonStep:
        fences = self._fences(kind, section)
        found = LessonStep(kind, section.title, section.text, section.line, section.notes)
        for fence in fences.values():
            entries = read_document(fence.content, self._file, fence.line)
            if fence.kind == "question":
                found = replace(found, question=read_question(entries, self._file, fence.line))
            elif fence.kind == "look":
                sides = (self._newest or whole_settings(self._base, {}, self._file, section.line)).sides
                found = replace(found, pointers=read_pointers(entries, sides, self._file, fence.line))
            else:
                found = replace(found, run=self._run(kind, entries, fence.line))
        return found

    def _fences(self, kind: StepKind, section: Section) -> dict[str, Fence]:
        needed, allowed = OF_STEP[kind]
        found: dict[str, Fence] = {}
        for fence in section.fences:
            if fence.kind not in (*needed, *allowed):
                what = f"a {fence.kind} block in a step that is listed as {kind.value}"
                raise LessonError(self._file, fence.line, what, f"call the step {_kind_for(fence.kind)}, or move it")
            if fence.kind in found:
                raise LessonError(self._file, fence.line, f"a second {fence.kind} block", "begin another step for it")
            found[fence.kind] = fence
        for name in needed:
            if name not in found:
                what = f"step {section.title!r} is listed as {kind.value} and has no {name} block"
                raise LessonError(self._file, section.line, what, f"add ```{name} … ```")
        if "question" in found and "run" in found and found["run"].line < found["question"].line:
            what = "the question stands below the run that answers it"
            raise LessonError(self._file, found["question"].line, what, "move it above the run")
        return found

    def _run(self, kind: StepKind, entries: Entries, line: int) -> Experiment:
        file = self._file
        if entries.keys is None:
            raise LessonError(
                file, entries.line, f"the run block is {entries.words}", "write NAME: VALUE, one a line"
            )
        keys = {key: entry for key, entry in entries.keys.items() if key not in OF_RUN}
        own = read_settings(keys, file)
        settings = whole_settings(merged(self._base, own), keys, file, line)
        refuse_useless(settings, own, file, line)
        name, fails = self._name(entries.keys), self._fails(entries.keys)
        found = Experiment(own, settings, name, (), fails, self._example(kind, entries.keys, own, line), line)
        found = replace(found, assertions=self._assertions(entries.keys.get("check"), found))
        self._newest = settings
        if name:
            self._named[name] = settings
        if kind is StepKind.MAKE and not found.assertions:
            raise LessonError(file, line, "the exercise has no check", "add check: what must hold of the own file")
        return found

    def _name(self, keys: Mapping[str, Entries]) -> str:
        entry = keys.get("name")
        if entry is None:
            return ""
        name = entry.text or ""
        if not RUN_NAME.fullmatch(name) or name in SIDES or name == "failure":
            raise LessonError(
                self._file, entry.line, f"{name!r} can't name a run", "write for example name: two-rounds"
            )
        if name in self._named:
            raise LessonError(self._file, entry.line, f"an earlier run is called {name}", "choose another name")
        return name

    def _fails(self, keys: Mapping[str, Entries]) -> bool:
        entry = keys.get("fails")
        if entry is not None and entry.text not in ("yes", "no"):
            raise LessonError(self._file, entry.line, "fails is not yes or no", "write fails: yes, or leave it out")
        return entry is not None and entry.text == "yes"

    def _example(self, kind: StepKind, keys: Mapping[str, Entries], own: Mapping[str, Any], line: int) -> str:
        entry = keys.get("example")
        if kind is StepKind.MAKE and not any(name in own for name in APPS):
            raise LessonError(self._file, line, "the exercise has no app", "add wsgi: exercise:app, or asgi:")
        if entry is None:
            return ""
        if kind is not StepKind.MAKE:
            raise LessonError(self._file, entry.line, "example is for a step make", "drop it, or call the step make")
        if not entry.text or not EXAMPLE.fullmatch(entry.text):
            fix = "name a Python file that stands beside the lesson: example: solution.py"
            raise LessonError(self._file, entry.line, f"{entry.text or entry.words!r} is no example", fix)
        return entry.text

    def _assertions(self, entry: Entries | None, run: Experiment) -> tuple[Assertion, ...]:
        if entry is None:
            return ()
        if not entry.items:
            fix = "write one assertion a line, each after - and a space"
            raise LessonError(self._file, entry.line, f"check has {entry.words}, not a list", fix)
        scope = Scope(run.whole, {**self._named, **({run.name: run.whole} if run.name else {})})
        found = []
        for item in entry.items:
            if item.text is None:
                fix = 'put an assertion that has ": " in it into quotes'
                raise LessonError(self._file, item.line, f"this assertion is {item.words}", fix)
            one = assertion(item.text, self._file, item.line)
            self._refuse_wrong_outcome(one, run.fails)
            scope.check(one.tree, self._file, item.line)
            found.append(one)
        return tuple(found)

    def _refuse_wrong_outcome(self, one: Assertion, fails: bool) -> None:
        if isinstance(one.tree, FailureSays) and not fails:
            what = "the servers of this run are expected to start"
            raise LessonError(self._file, one.line, what, "add fails: yes, or drop the assertion")
        if not isinstance(one.tree, FailureSays) and fails:
            what = "servers that do not start give no result"
            raise LessonError(self._file, one.line, what, 'write failure says "…", or drop fails: yes')


def _kind_for(block: str) -> str:
    return {"question": "question", "run": "run", "look": "investigate"}[block]


def _check_questions(steps: Sequence[LessonStep], file: str) -> None:
    """Every question is asked before the run that answers it, and shown in a reveal after that."""
    open_questions: list[Question] = []
    named: dict[str, Settings] = {}
    for at, step in enumerate(steps):
        if step.question is not None:
            run = next((later.run for later in steps[at:] if later.run is not None), None)
            _check_formulas(step.question, run, named, file)
            open_questions.append(step.question)
        if step.run is not None and step.run.name:
            named[step.run.name] = step.run.whole
        if step.kind is StepKind.REVEAL:
            if not open_questions:
                fix = "add a question step before it, or call it narration"
                raise LessonError(file, step.line, "a reveal with no question since the last one", fix)
            _check_answered(steps[:at], open_questions[-1], step, file)
            open_questions = []
    if open_questions:
        what = "the answer to this question is never shown"
        raise LessonError(file, open_questions[0].line, what, "add a reveal step after its run")


def _check_formulas(question: Question, run: Experiment | None, named: Mapping[str, Settings], file: str) -> None:
    earlier = {**named, **({run.name: run.whole} if run is not None and run.name else {})}
    scope = Scope(run.whole if run is not None else None, earlier)
    for formula in (question.measured, question.theory):
        if formula is not None:
            scope.check(formula.tree, file, formula.line)


def _check_answered(before: Sequence[LessonStep], question: Question, reveal: LessonStep, file: str) -> None:
    asked = next(at for at, step in enumerate(before) if step.question is question)
    if question.measured is not None and not any(step.run for step in before[asked:]):
        what = "this reveal comes before the run that answers the question"
        raise LessonError(file, reveal.line, what, "put a run step between the question and its reveal")
