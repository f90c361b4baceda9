"""What the lesson screen shows of a step, in words: made from the guide and a frame."""

from __future__ import annotations

from dataclasses import dataclass

from wsgiviz.lessons.model import LessonStep, Pointer, StepKind
from wsgiviz.settings import Settings
from wsgiviz.state import Failure, Phase, State, Task
from wsgiviz.tui.lesson.guide import LessonGuide
from wsgiviz.tui.lesson.reveal import CheckResult, Revealed, checks, guess_words, revealed
from wsgiviz.tui.lesson.session import RunOutcome
from wsgiviz.tui.render.glyphs import Glyphs

RECORDED = "from a recording"

DETAIL_LINES = 6
"""Of a failure's detail the end is shown; l shows the logs."""

WAITING = {
    Phase.NEW: "The servers are starting ...",
    Phase.STARTING: "The servers are starting ...",
    Phase.MEASURING: "Measuring what one request costs here ...",
    Phase.READY: "Starting ...",
    Phase.RUNNING: "It runs. Watch the panes.",
}


@dataclass(frozen=True, slots=True)
class Note:
    """Words under the text of a step. ``tone``: "plain", "strong", "good", "warn" or "dim"."""

    words: str
    tone: str = "plain"
    apart: bool = True


@dataclass(frozen=True, slots=True)
class LessonView:
    """A step: ``text`` is Markdown, ``notes`` what has come of it so far. ``space`` says what that key does now;
    where it does nothing ``waiting`` says what one waits for."""

    lesson: str
    number: int
    steps: int
    title: str
    text: str
    notes: tuple[Note, ...]
    space: str
    waiting: str
    timer_s: int
    timing: bool
    recorded: bool
    pointers: tuple[Pointer, ...] = ()
    has_run: bool = False
    has_recording: bool = False
    has_question: bool = False


def lesson_view(
    guide: LessonGuide, state: State, glyphs: Glyphs, recorded: bool = False, has_recording: bool = False
) -> LessonView:
    """``recorded``: the panes show a recording; ``has_recording``: there is one of this step's run."""
    session, step = guide.session, guide.session.step
    return LessonView(
        lesson=guide.lesson.title,
        number=session.index + 1,
        steps=len(guide.lesson.steps),
        title=step.title,
        text=step.text,
        notes=tuple(_notes(guide, glyphs)),
        space=_space(guide),
        waiting=WAITING.get(state.phase, "It ends ...") if guide.busy else "",
        timer_s=int(guide.timer.elapsed_s),
        timing=guide.timer.running,
        recorded=recorded,
        pointers=step.pointers,
        has_run=step.run is not None,
        has_recording=has_recording,
        has_question=step.question is not None,
    )


def _notes(guide: LessonGuide, glyphs: Glyphs) -> list[Note]:
    step, outcome = guide.session.step, guide.session.outcome
    found = [*_changes(guide), *_question(guide)]
    if step.kind is StepKind.REVEAL:
        found += [note for one in revealed(guide.session) for note in _answers(one)]
    if step.kind is StepKind.MAKE:
        found += _to_make(step)
    if guide.problem:
        found.append(Note(guide.problem, "warn"))
    if outcome is not None:
        found += _came(guide, outcome, glyphs)
    return found


def _changes(guide: LessonGuide) -> list[Note]:
    """What is other in this run than in the one before."""
    steps, before = guide.lesson.steps, guide.session.run_before(guide.session.index)
    run, last = guide.session.step.run, steps[before].run if before is not None else None
    if run is None or last is None or guide.session.step.kind is StepKind.MAKE:
        return []
    was, now = _plain(last.whole), _plain(run.whole)
    if last.whole.name != run.whole.name:  # another scenario: all is other
        return []
    new = {name: value for name, value in now.items() if was.get(name) != value}
    changed = [f"{name} {was[name]} to {value}" if name in was else f"{name} {value}" for name, value in new.items()]
    return [Note(f"Changed: {', '.join(changed)}.", "dim")] if changed else []


def _plain(settings: Settings) -> dict[str, str]:
    """Settings and parameters by name, as texts."""
    given = settings.given()
    found = {**given.pop("parameters"), **given}
    return {name: f"{value:g}" if isinstance(value, float) else str(value) for name, value in found.items()}


def _question(guide: LessonGuide) -> list[Note]:
    question = guide.session.step.question
    if question is None:
        return []
    guess = guide.session.guesses.get(guide.session.index)
    words = f"You: {guess_words(question, guess)}" if guess is not None else "No guess yet: a answers."
    return [Note(question.ask, "strong"), Note(words, apart=False)]


def _answers(one: Revealed) -> list[Note]:
    lines = [*one.lines, *([f"({RECORDED})"] if one.recorded else [])]
    because = [Note(one.because, apart=False)] if one.because else []
    return [Note(one.ask), *(Note(line, "strong", apart=False) for line in lines), *because]


def _to_make(step: LessonStep) -> list[Note]:
    """Which file the exercise is about."""
    settings = step.run.settings if step.run is not None else {}
    apps = [str(settings[name]) for name in ("wsgi", "asgi") if settings.get(name)]
    files = [f"{app.partition(':')[0].replace('.', '/')}.py (its {app.partition(':')[2]} is run)" for app in apps]
    return [Note(f"Write {' and '.join(files)} in the current folder.", "strong")] if files else []


def _came(guide: LessonGuide, outcome: RunOutcome, glyphs: Glyphs) -> list[Note]:
    """What has come of this step's run: whether it is as expected, or why there was none."""
    run = guide.session.step.run
    expected = run is not None and run.fails
    found = [Note(f"This run is {RECORDED}: made earlier, with the same settings.", "warn")] * outcome.recorded
    if outcome.failure is not None:
        found += _failed(outcome.failure, expected)
    elif expected:
        found.append(Note("The servers have started, and were expected not to.", "warn"))
    held = checks(guide.session, guide.session.index)
    all_of_them = guide.session.step.kind is StepKind.MAKE
    return found + [_check(one, glyphs, not at) for at, one in enumerate(held) if all_of_them or not one.holds]


def _failed(failure: Failure, expected: bool) -> list[Note]:
    words = "The servers did not start, as expected." if expected else "The servers did not start."
    end = failure.detail.splitlines()[-DETAIL_LINES:]
    more = [text.strip() for text in (failure.message, failure.hint, *end) if text.strip()]
    return [Note(words, "strong" if expected else "warn"), *(Note(text, apart=False) for text in more)]


def _check(one: CheckResult, glyphs: Glyphs, first: bool) -> Note:
    if one.holds:
        return Note(f"{glyphs.task[Task.DONE]} {one.text}", "good", apart=first)
    return Note(f"{glyphs.task[Task.FAILED]} {one.text}: {one.words}", "warn", apart=first)


def _space(guide: LessonGuide) -> str:
    """What the key does in this step, as far as one has come in it."""
    if guide.busy:
        return ""
    if guide.session.unanswered is not None:
        return "answer"
    if guide.runs_next:
        return "run it"
    if guide.failed:
        return "try again"
    return "lessons" if guide.session.at_end else "next"
