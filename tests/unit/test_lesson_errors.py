"""What is said of files that are no lessons: where, what, and the fix; and that no text crashes the reader."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.test_lessons import ASKED, BLOCKED, RUN, lesson_of, with_change
from wsgiviz.lessons.lesson_error import LessonError
from wsgiviz.lessons.parse import parse_lesson

WRONG: list[tuple[str, str, int, str, str]] = [
    # front matter
    ("---\ntitle", "title", 1, "there is no front matter", "begin the file"),
    ("make]\n---", "make]\n", 1, "the front matter is not closed", "a line that is ---"),
    ("title: A", "title A", 3, "broken YAML: mapping values are not allowed", "quotes"),
    ("title: A blocked", "title: *x", 2, "YAML anchors and aliases", "quotes"),
    ("title: A blocked", "title: &x A", 2, "YAML anchors and aliases", "quotes"),
    ("title: A blocked", "title: !!python/name:os.system x", 2, "YAML tags are not read", "quotes"),
    ("title: A blocked", "title: `x`", 2, "broken YAML: found character '`'", "into quotes"),
    ("title: A blocked worker", "titel: A", 2, "the front matter has no 'titel'", "did you mean title?"),
    ("title: A blocked worker", "title:", 2, "the front matter has no text for title", "add title: TEXT"),
    ("claim: While", "title: While", 3, "title is given twice", "keep one"),
    ("minutes: 5", "minutes: five", 4, "minutes is not a whole number", "minutes: 5"),
    ("minutes: 5", "minutes: [5]", 4, "minutes is not a whole number", "minutes: 5"),
    ("minutes: 5", "minutes: [[[[[[[5]]]]]]]", 4, "more than 6 levels", "flatter"),
    ("minutes: 5", "minutes: 5\n\t- x", 5, "broken YAML: found character", "quotes"),
    # settings
    ("scenario: sleep", "scenario: slep", 6, "there is no scenario 'slep'", "did you mean sleep?"),
    ("workers: 2", "wrokers: 2", 8, "there is no setting 'wrokers'", "did you mean workers?"),
    ("workers: 2", "workers: 0", 8, "--workers 0: must be a whole number", "worker processes"),
    ("workers: 2", "workers: [1, 2]", 8, "workers has a list", "write workers: VALUE"),
    ("workers: 2", "workers:", 8, "workers has no value", "write workers: VALUE"),
    ("workers: 2", "host: 0.0.0.0", 8, "host is no setting of a lesson", "leave it out"),
    ("workers: 2", "python: /bin/sh", 8, "python is no setting of a lesson", "leave it out"),
    ("workers: 2", "duration: 3", 6, "--duration needs --arrivals closed", "a burst"),
    ("{seconds: 0.2}", "{secs: 0.2}", 7, "scenario sleep has no parameter 'secs'", "did you mean seconds?"),
    ("{seconds: 0.2}", "{seconds: x}", 7, "seconds=x: must be a number", "how long"),
    ("{seconds: 0.2}", "seconds", 7, "set has a text", "set: {seconds: 2}"),
    # steps
    ("[narration, ", "[naration, ", 10, "there is no kind of step 'naration'", "did you mean narration?"),
    ("[narration, ", "[narration, narration, ", 10, "10 steps are listed, and 9 ## headings", "step 10, make"),
    ("[narration, ", "[", 84, "8 steps are listed, and this is heading 9", "'Your turn'"),
    ("steps: [narration", "# steps: [narration", 1, "no list of steps", "steps: [narration"),
    ("[narration, question", "[narration, run", 24, "a question block in a step that is listed as run", "question"),
    ("[narration, ", "[run, ", 15, "listed as run and has no run block", "```run"),
    ("## What to watch", "Hello.\n\n## What", 15, "this stands before the first step", "## Title"),
    (
        "Two workers serve four requests. Each of them sleeps.\n\n",
        "Sleeps.\n---\n\n",
        17,
        "a line of ---",
        "blank line",
    ),
    ("## What to watch", "##", 15, "the heading is empty", "a title"),
    ("increased --workers. -->", "increased", 19, "the comment is not closed", "-->"),
    ("Each of them sleeps.", "Each <!-- speaker: x -->", 17, "a comment inside a text", "a line of its own"),
    # blocks
    ("```question", "```qestion", 24, "there is no block 'qestion'", "did you mean question?"),
    ("```question", "- ```question", 24, "inside a list or a quotation", "indent"),
    ("wsgi.statuses.200 = requests\n```\n", "x\n", 88, "the run block is not closed", "```"),
    (
        "\n```\n\n## Who is free?",
        "\n```\n\n```question\nask: x\n```\n\n## Who",
        32,
        "a second question block",
        "another step",
    ),
    # questions
    ("ask: When has", "ask: When: has", 25, "broken YAML: mapping values", "into quotes"),
    ("ask: When has", "asks: When has", 25, "a question has no 'asks'", "did you mean ask?"),
    ("measured: wsgi.makespan_s\n", "", 24, "nothing answers this question", "measured: wsgi"),
    ("because: Two", "#", 24, "the question has no because", "because: TEXT"),
    ("measured: wsgi.makespan_s", "measured: wsgi.", 27, "a key of the result is expected", "wsgi.latency_s.p95"),
    ("measured: wsgi.makespan_s", "measured: wsgi.makespan", 27, "there is no figure wsgi.makespan", "makespan_s"),
    (
        "measured: wsgi.makespan_s",
        "measured: wsgi2.makespan_s",
        27,
        "no side 'wsgi2' runs here",
        "did you mean wsgi?",
    ),
    ("workers) * seconds", "workers) * second", 28, "there is no name 'second'", "did you mean seconds?"),
    ("right: 2", "right: 4", 37, "which choice is right is not said", "from 1 to 3"),
    ("right: 2", "# right", 34, "which choice is right is not said", "from 1 to 3"),
    (
        "[The first worker that is idle, Nobody until a sleep ends, The kernel]",
        "[one]",
        36,
        "choices is not a list",
        "from 2",
    ),
    # runs
    ("name: two-rounds", "name: wsgi", 44, "'wsgi' can't name a run", "two-rounds"),
    (
        "name: two-rounds",
        "name: two-rounds\nfails: yes",
        47,
        "servers that do not start give no result",
        "failure says",
    ),
    ("name: two-rounds", "name: two-rounds\nfails: maybe", 45, "fails is not yes or no", "fails: yes"),
    ("name: two-rounds", "name: two-rounds\nexample: x.py", 45, "example is for a step make", "drop it"),
    ("name: two-rounds", "name: two-rounds\nconcurrency: 3", 43, "--concurrency has no effect", "--arrivals closed"),
    (
        "name: two-rounds",
        "name: two-rounds\nwsgi: a:b\nscenario: sleep",
        43,
        "a scenario and your own app",
        "drop one",
    ),
    ("  - wsgi.makespan_s ≈ 2 * seconds ± 50 %", "  - wsgi.makespan_s ≈ 2", 46, "≈ has no tolerance", "± 5 %"),
    ("wsgi.blocked_fraction > 0.5", "wsgi.blocked > 0.5", 47, "there is no figure wsgi.blocked", "blocked_fraction"),
    ("wsgi has no worker-died", "wsgi has no worker-dead", 77, "there is no lint 'worker-dead'", "worker-died?"),
    (
        "< two-rounds.wsgi",
        "< two-round.wsgi",
        76,
        "there is no run 'two-round' before this",
        "did you mean two-rounds?",
    ),
    ("wsgi has no worker-died", 'failure says "x"', 77, "are expected to start", "fails: yes"),
    ("wsgi has no worker-died", "wsgi: x", 77, "this assertion is names with values", "into quotes"),
    ("wsgi has no worker-died", '"x" is it', 77, "broken YAML", "quotes"),
    # look
    ("- wsgi lanes", "- wsgi", 59, "'wsgi' names nothing to look at", "lanes"),
    ("- wsgi lanes", "- wsgi2 lanes", 59, "no side 'wsgi2' runs here", "did you mean wsgi?"),
    ("- wsgi lanes", "- wsgi lane", 59, "there is no part 'lane'", "did you mean lanes?"),
    ("- wsgi lanes", "- wsgi lanes 5", 59, "'5' is left over", "wsgi lanes"),
    ("- wsgi request 3", "- wsgi request", 60, "which request is not said", "wsgi request 5"),
    ("- wsgi lanes\n- wsgi request 3\n", "", 58, "the look block names nothing", "- wsgi lanes"),
    # the order of steps
    (
        "investigate, modify, reveal, make",
        "investigate, modify, narration, make",
        65,
        "is never shown",
        "reveal step",
    ),
    ("wsgi: exercise:app\n", "workers: 3\n", 88, "the exercise has no app", "wsgi: exercise:app"),
    ("example: solution.py", "example: ../solution.py", 90, "'../solution.py' is no example", "solution.py"),
]


@pytest.mark.parametrize(("before", "after", "line", "what", "fix"), WRONG)
def test_what_is_wrong_is_said_with_file_line_and_fix(
    before: str, after: str, line: int, what: str, fix: str
) -> None:
    with pytest.raises(LessonError) as refused:
        parse_lesson(with_change(before, after), "course/x.md")
    assert what in refused.value.message
    assert (refused.value.file, refused.value.line) == ("course/x.md", line)
    assert refused.value.message.startswith(f"course/x.md:{line}: ")
    assert fix in refused.value.hint


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        (lesson_of("run, reveal", RUN, "## Why"), 13, "a reveal with no question since the last one"),
        (lesson_of("question, run, reveal, reveal", ASKED, RUN, "## A", "## B"), 23, "a reveal with no question"),
        (lesson_of("question, reveal, run", ASKED, "## Why", RUN), 15, "this reveal comes before the run"),
        (lesson_of("question, reveal", ASKED, "## Why"), 11, "there is no run after this"),
        (lesson_of("make", "## Do\n\n```run\nwsgi: a:b\n```"), 9, "the exercise has no check"),
        (lesson_of("investigate", "## Look\n\n```look\nwsgi\n```"), 9, "the look block names nothing"),
        (lesson_of("narration", "## A", more="settings: [1]\n"), 4, "settings is a list"),
        (lesson_of("run", "## A\n\n```run\n- a\n```"), 10, "the run block is a list"),
        (lesson_of("run", "## A\n\n```run\ncheck: x\n```"), 10, "check has a text, not a list"),
        (lesson_of("modify", "## A\n\n" + RUN[8:] + "\n\n" + ASKED[8:]), 13, "stands below the run"),
        ("---\nx\n---\n", 2, "the front matter is a text"),
        ("", 1, "there is no front matter"),
    ],
)
def test_what_can_t_be_taught_in_that_order_is_refused(text: str, line: int, what: str) -> None:
    with pytest.raises(LessonError) as refused:
        parse_lesson(text, "x.md")
    assert refused.value.what.startswith(what) or what in refused.value.what
    assert refused.value.line == line
    assert refused.value.hint


# --- anything -------------------------------------------------------------------------------------------------------

LINES = BLOCKED.split("\n")
ODD = st.sampled_from(
    [
        "---",
        "```",
        "```run",
        "## x",
        "# x",
        "- ",
        "> ",
        "[" * 500,
        "{a: " * 300,
        "<!--",
        "-->",
        "\t",
        "\0",
        "&a *a",
        "? ",
        "|",
    ]
    + [
        "!!python/object/apply:os.system [x]",
        "x: 1",
        "set: {}",
        "name: a",
        "check: [1]",
        "\u2028",
        "\x85",
        "*",
        "1:30",
    ]
)


@st.composite
def broken_lessons(draw: st.DrawFn) -> str:
    """The example with lines lost, repeated, and others put between."""
    lines = list(LINES)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        how: Any = draw(st.sampled_from(["lost", "twice", "odd", "text", "cut"]))
        if how == "lost":
            del lines[at]
        elif how == "twice":
            lines.insert(at, lines[draw(st.integers(0, len(lines) - 1))])
        elif how == "cut":
            lines[at] = lines[at][: draw(st.integers(0, 20))]
        else:
            lines.insert(at, draw(ODD if how == "odd" else st.text(max_size=30)))
    return "\n".join(lines)


@settings(deadline=None)
@given(st.one_of(broken_lessons(), st.text(max_size=200), st.lists(ODD, max_size=20).map("\n".join)))
def test_any_text_is_a_lesson_or_refused_in_words(text: str) -> None:
    lesson, refused = None, None
    try:
        lesson = parse_lesson(text, "x.md")
    except LessonError as error:
        refused = error
    if refused is not None:
        assert refused.message.startswith("x.md:")
        assert refused.what
        assert refused.hint
        assert 0 <= refused.line <= text.count("\n") + 1
    else:
        assert lesson is not None
        assert lesson.steps


def test_a_file_that_is_no_lesson_at_all_is_not_read_for_long() -> None:
    with pytest.raises(LessonError, match="x.md: 100001 characters"):
        parse_lesson("x" * 100_001, "x.md")


@pytest.mark.parametrize("piece", ["![", "*a ", "[a](", "> ", "- "])
def test_a_text_of_signs_is_read_in_a_time_that_grows_with_it(piece: str) -> None:
    """Twenty times the text may take some twenty times as long (and four hundred, were each sign tried with each)."""
    few, many = (_seconds(lesson_of("narration", "## A\n\n" + piece * number)) for number in (1_000, 20_000))
    assert many < 120 * few


def _seconds(text: str) -> float:
    """CPU time of this thread, which others on the machine do not lengthen much; the least of three."""
    taken = []
    for _ in range(3):
        begun = time.thread_time()
        parse_lesson(text, "x.md")
        taken.append(time.thread_time() - begun)
    return min(taken)
