"""A small language over the result of a run: `wsgi.makespan_s ≈ 2 * seconds ± 5 %`. None of it is run as Python."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from wsgiviz.lessons.evidence import Evidence, Fact, NotKnown
from wsgiviz.lessons.expressions import read_condition, read_formula
from wsgiviz.lessons.lesson_error import Problem
from wsgiviz.lessons.syntax import Comparison, Condition, Expression, FailureSays, Figure, HasLint, Literal, Quoted

UNITS = {"_s": "s", "_rps": "per second"}
"""Units of figures, by how their names end."""

DIGITS = range(3, 18)
"""Significant digits: as few as show the same as all do."""


@dataclass(frozen=True, slots=True)
class Formula:
    """An arithmetic expression over a result's numbers, as it was written, where, and as it was read."""

    text: str
    line: int
    tree: Expression

    def value(self, evidence: Evidence) -> Fact:
        """What it is of that run. Raises NotKnown."""
        return evidence.value(self.tree)


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether an assertion holds; ``measured`` beside ``expected``, or why it can't be known; both in words."""

    holds: bool
    measured: str
    expected: str

    @property
    def sentence(self) -> str:
        """ "wsgi.makespan_s = 5.02 s, expected 4 ± 5 %"."""
        return f"{self.measured}, expected {self.expected}"


@dataclass(frozen=True, slots=True)
class Assertion:
    """What must hold of a result, as it was written, where, and as it was read."""

    text: str
    line: int
    tree: Condition

    def judge(self, evidence: Evidence) -> Judgement:
        """Whether it holds of that run. What is not known does not hold."""
        try:
            match self.tree:
                case Comparison():
                    return _compared(self.tree, evidence)
                case HasLint():
                    return _lint_found(self.tree, evidence)
                case FailureSays(text):
                    return _failure_said(text, evidence)
        except NotKnown as unknown:
            return Judgement(False, str(unknown), self.text)


def formula(text: str, file: str = "", line: int = 0) -> Formula:
    """The formula that ``text`` is, in that file and line. Raises LessonError."""
    try:
        return Formula(text, line, read_formula(text))
    except Problem as problem:
        raise problem.at(file, line) from None


def assertion(text: str, file: str = "", line: int = 0) -> Assertion:
    """The assertion that ``text`` is, in that file and line. Raises LessonError."""
    try:
        return Assertion(text, line, read_condition(text))
    except Problem as problem:
        raise problem.at(file, line) from None


def shown(value: Fact, digits: int = 3) -> str:
    """A value in words: numbers with so many significant digits, whole ones with all of theirs."""
    if isinstance(value, str):
        return f'"{value}"'
    if value == int(value) and abs(value) < 1e6:
        return str(int(value))
    if abs(value) >= 10**digits:
        return f"{value:.0f}"
    return f"{value:.{digits}g}"


def unit_of(tree: Expression) -> str:
    """The unit of a figure; "" for what is none, or has none."""
    if not isinstance(tree, Figure):
        return ""
    keys = [key for key in reversed(tree.keys) if not key.isdecimal()]
    return next((unit for key in keys for end, unit in UNITS.items() if key.endswith(end)), "")


# --- comparisons --------------------------------------------------------------------------------------------------


def _compared(comparison: Comparison, evidence: Evidence) -> Judgement:
    left, right = evidence.value(comparison.left), evidence.value(comparison.right)
    tolerance = evidence.number(comparison.tolerance) if comparison.tolerance is not None else 0.0
    if isinstance(left, str) != isinstance(right, str) or (isinstance(left, str) and comparison.sign not in "!="):
        raise NotKnown(f"{shown(left)} can't be compared with {shown(right)}")
    holds = _holds(comparison, left, right, tolerance)
    digits = next((few for few in DIGITS if _shows(few, comparison, left, right, tolerance)), DIGITS[-1])
    unit = unit_of(comparison.left)
    measured = " ".join(filter(None, (f"{comparison.left_text} = {shown(left, digits)}", unit)))
    return Judgement(holds, measured, _expected(comparison, right, digits))


def _expected(comparison: Comparison, right: Fact, digits: int) -> str:
    """ "4 ± 5 % (2 * seconds)", "> 0.9", "15": how the sign is written, and where the value is from."""
    sign = "" if comparison.sign in ("≈", "=") else f"{comparison.sign} "
    within = f" ± {comparison.tolerance_text}{' %' if comparison.percent else ''}" if comparison.sign == "≈" else ""
    source = "" if isinstance(comparison.right, Literal | Quoted) else f" ({comparison.right_text})"
    return f"{sign}{shown(right, digits)}{within}{source}"


def _shows(digits: int, comparison: Comparison, left: Fact, right: Fact, tolerance: float) -> bool:
    """Whether one sees from the rounded values what holds of the values: 0.9 > 0.9 would puzzle."""
    if isinstance(left, str) or isinstance(right, str):
        return True
    less, more = float(shown(left, digits)), float(shown(right, digits))
    same = _holds(comparison, less, more, tolerance) == _holds(comparison, left, right, tolerance)
    return same and (less == more) == (left == right)


COMPARED: Mapping[str, Callable[[Fact, Fact], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "!=": operator.ne,
}


def _holds(comparison: Comparison, left: Fact, right: Fact, tolerance: float) -> bool:
    if comparison.sign != "≈" or isinstance(left, str) or isinstance(right, str):
        return COMPARED[comparison.sign](left, right)
    allowed = abs(right) * tolerance / 100 if comparison.percent else tolerance
    return abs(left - right) <= allowed + 1e-9 * abs(right)  # 4.2 is within 4 ± 5 %, whatever binary fractions say


# --- lints and failures -------------------------------------------------------------------------------------------


def _lint_found(condition: HasLint, evidence: Evidence) -> Judgement:
    rows = evidence.of_run(condition.run).get("lints", [])
    about = ".".join(filter(None, (condition.run, condition.side)))
    names = [row["name"] for row in rows if row["side"] == condition.side]
    found = condition.lint in names
    measured = f"{about} has {', '.join(dict.fromkeys(names)) or 'no lints'}"
    expected = condition.lint if condition.found else f"no {condition.lint}"
    return Judgement(found == condition.found, measured, expected)


def _failure_said(text: str, evidence: Evidence) -> Judgement:
    if evidence.result is not None:
        return Judgement(False, "the servers have started", f'a failure that says "{text}"')
    said = " ".join(evidence.failure.split())
    return Judgement(text.lower() in said.lower(), f'the failure says "{said[:200]}"', f'"{text}"')
