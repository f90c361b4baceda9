"""The check of lessons on results that are handed in: what holds, what is said of it, and how it ends."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from tests.unit.test_lessons import ASKED, RUN, lesson_of
from wsgiviz.cli import run as wsgiviz
from wsgiviz.errors import WsgivizError
from wsgiviz.lessons.library import Shelf, read_folder
from wsgiviz.report.check import run_check
from wsgiviz.settings import Settings

CHECKED = "## Run\n\n```run\nname: {name}\nset: {{seconds: {seconds}}}\ncheck:\n{checks}\n```"


def checked(name: str, seconds: float, *checks: str) -> str:
    return CHECKED.format(name=name, seconds=seconds, checks="\n".join(f"  - {text}" for text in checks))


def as_if_run(settings: Settings) -> dict[str, Any]:
    """A result in which each side took as long as one request waits."""
    seconds = settings.parameters.get("seconds", 0)
    shown = {"parameters": dict(settings.parameters), "requests": settings.requests}
    return {"settings": shown, "host": {}, "sides": {"wsgi": {"makespan_s": seconds}, "asgi": {}}, "lints": []}


@pytest.fixture(autouse=True)
def calm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever else runs here."""
    monkeypatch.setattr("os.getloadavg", lambda: (0.0, 0.0, 0.0))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Settings, Path]]:
    """What is asked to run, and in which folder, instead of running it; "fail" in a path fails."""
    calls: list[tuple[Settings, Path]] = []
    monkeypatch.setattr("wsgiviz.report.check.LessonRuns", lambda ascii_only: StandIn(calls, as_if_run))
    return calls


class StandIn:
    """Takes the place of the servers."""

    def __init__(self, calls: list[tuple[Settings, Path]], answer: Callable[[Settings], dict[str, Any]]) -> None:
        self._calls = calls
        self._answer = answer
        self.left = False

    def __enter__(self) -> StandIn:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.left = True

    def run(self, settings: Settings) -> dict[str, Any]:
        self._calls.append((settings, Path.cwd()))
        if settings.wsgi == "broken:app":
            raise WsgivizError("the app can't be loaded", "fix it", "Traceback\n\x1b[31mKeyError: 7")
        return self._answer(settings)


def shelf(folder: Path, **files: str) -> Shelf:
    for name, text in files.items():
        (folder / f"{name}.md").write_text(text)
    return read_folder(folder)


@pytest.mark.usefixtures("asked")
def test_each_assertion_has_a_line_with_what_was_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lesson = lesson_of(
        "run, run",
        checked("one", 2, "wsgi.makespan_s ≈ seconds ± 5 %"),
        checked("two", 3, "wsgi.makespan_s < one.wsgi.makespan_s", "wsgi has no loop-held"),
    )
    assert run_check(shelf(tmp_path, x=lesson)) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "x: T"
    assert lines[1].startswith("  Run  0.")
    assert lines[2] == "    ✓ wsgi.makespan_s = 2 s, expected 2 ± 5 % (seconds)"
    place = f"{tmp_path}/x.md:22"
    assert lines[4] == f"    ✗ wsgi.makespan_s = 3 s, expected < 2 (one.wsgi.makespan_s)  {place}"
    assert lines[5] == "    ✓ wsgi has no lints, expected no loop-held"
    assert lines[6] == "1 lesson, 2 runs, 3 assertions in 0 s: not everything holds: x"


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize(("load", "said"), [(500.0, True), (0.1, False)])
def test_what_does_not_hold_on_a_busy_machine_comes_with_a_caveat(
    load: float, said: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("os.getloadavg", lambda: (load, load, load))
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    assert run_check(shelf(tmp_path, x=lesson_of("run", checked("one", 2, "wsgi.makespan_s < 1")))) == 1
    assert ("busy (load average 500.0 on 2 cores)" in capsys.readouterr().out) == said
    assert run_check(shelf(tmp_path, x=lesson_of("run", checked("one", 2, "wsgi.makespan_s > 1")))) == 0
    assert "busy" not in capsys.readouterr().out


@pytest.mark.usefixtures("asked")
def test_in_ascii_nothing_else_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lesson = lesson_of("run", checked("one", 2, "wsgi.makespan_s ≈ 2 ± 5 %", "wsgi.makespan_s ≈ 1 ± 1"))
    assert run_check(shelf(tmp_path, x=lesson), ascii_only=True) == 0
    out = capsys.readouterr().out
    assert out.isascii()
    assert "    ok wsgi.makespan_s = 2 s, expected 2 +- 5 %" in out
    assert out.endswith(": everything holds\n")


@pytest.mark.usefixtures("asked")
def test_a_broken_file_and_a_failed_run_do_not_hinder_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    failing = lesson_of(
        "run, run",
        "## Bad\n\n```run\nwsgi: broken:app\nname: bad\n```",
        checked("two", 1, "wsgi.makespan_s > bad.wsgi.makespan_s", "wsgi.makespan_s = 1"),
    )
    files = {"a": "nothing", "b": failing, "c": lesson_of("run", checked("one", 2, "wsgi.makespan_s = 2"))}
    assert run_check(shelf(tmp_path, **files), str(tmp_path / "x.json")) == 1
    out = capsys.readouterr().out
    assert f"✗ {tmp_path}/a.md:1: there is no front matter" in out
    assert f"✗ the app can't be loaded  {tmp_path}/b.md:9" in out
    assert r"| \x1b[31mKeyError: 7" in out
    assert "✗ the run bad has no result, expected wsgi.makespan_s > bad.wsgi.makespan_s" in out
    assert "3 lessons, 3 runs, 3 assertions in 0 s: not everything holds: a.md, b" in out
    found = json.loads((tmp_path / "x.json").read_text())
    assert [lesson["holds"] for lesson in found["lessons"]] == [False, False, True]
    assert found["lessons"][0]["error"]["line"] == 1
    assert found["lessons"][1]["runs"][0]["failure"] == {"message": "the app can't be loaded", "fix": "fix it"}
    assert [one["holds"] for one in found["lessons"][1]["runs"][1]["assertions"]] == [False, True]


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize(
    ("app", "says", "status"),
    [("broken:app", "LOADED", 0), ("broken:app", "ready", 1), ("good:app", "loaded", 1)],
)
def test_a_run_may_be_expected_to_fail(tmp_path: Path, app: str, says: str, status: int) -> None:
    step = f'## A\n\n```run\nwsgi: {app}\nfails: yes\ncheck:\n  - failure says "{says}"\n```'
    assert run_check(shelf(tmp_path, x=lesson_of("run", step))) == status


def test_an_exercise_is_checked_by_its_example_in_its_folder(
    tmp_path: Path, asked: list[tuple[Settings, Path]], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "done.py").write_text("")
    here = Path.cwd()
    make = "## Make\n\n```run\nwsgi: mine:create()\nrequests: 3\ncheck: [wsgi.makespan_s = 0]\n{}\n```"
    files = {"a": lesson_of("make", make.format("example: done.py")), "b": lesson_of("make", make.format(""))}
    assert run_check(shelf(tmp_path, **files)) == 0
    [(settings, folder)] = asked
    assert (settings.wsgi, settings.requests, folder) == ("done:create()", 3, tmp_path)
    assert Path.cwd() == here
    assert "Make  skipped: it is for a file of your own" in capsys.readouterr().out


def test_a_server_that_is_not_installed_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("wsgiviz.settings.find_spec", lambda name: None)
    step = "## A\n\n```run\nleft: gevent\nonly: wsgi\ncheck: [wsgi.makespan_s = 0]\n```"
    assert run_check(shelf(tmp_path, x=lesson_of("run", step)), json="-") == 0
    said = capsys.readouterr()
    assert 'A  skipped: gevent is not installed (pip install "wsgiviz[gevent]")' in said.err
    [run] = json.loads(said.out)["lessons"][0]["runs"]
    assert (run["skipped"], run["assertions"]) == ('gevent is not installed (pip install "wsgiviz[gevent]")', [])


@pytest.mark.usefixtures("asked")
def test_a_reveal_that_could_show_nothing_does_not_hold(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asks = ASKED.replace("wsgi.makespan_s", "asgi.makespan_s")
    assert run_check(shelf(tmp_path, x=lesson_of("question, run, reveal", asks, RUN, "## Why")), "-") == 1
    said = capsys.readouterr()
    assert f"✗ the question's answer: asgi.makespan_s is not known  {tmp_path}/x.md:9" in said.err
    [question] = json.loads(said.out)["lessons"][0]["runs"][0]["questions"]
    assert (question["theory"], question["measured"]) == (None, None)


def test_an_interrupt_ends_it_in_order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def interrupt(settings: Settings) -> dict[str, Any]:
        os.kill(os.getpid(), signal.SIGINT)
        return as_if_run(settings)

    stand_in = StandIn([], interrupt)
    monkeypatch.setattr("wsgiviz.report.check.LessonRuns", lambda ascii_only: stand_in)
    target = tmp_path / "x.json"
    assert run_check(shelf(tmp_path, x=lesson_of("run", RUN)), str(target)) == 128 + signal.SIGINT
    assert stand_in.left
    assert not target.exists()


# --- the command line ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["lesson", "clinic"])
def test_a_file_of_one_s_own_is_checked_by_its_path(
    command: str, tmp_path: Path, asked: list[tuple[Settings, Path]], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.md"
    path.write_text(lesson_of("run", RUN))
    assert wsgiviz([command, str(path), "--check"]) == 0
    assert capsys.readouterr().out.startswith("mine: T\n")
    assert wsgiviz([command, str(path), "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["holds"] is True
    assert len(asked) == 2


@pytest.mark.usefixtures("asked")
def test_without_a_name_all_are_checked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kept = shelf(tmp_path, a=lesson_of("run", RUN), b=lesson_of("narration", "## A"))
    monkeypatch.setattr("wsgiviz.lessons.library.course", lambda: kept)
    target = tmp_path / "x.json"
    assert wsgiviz(["lesson", "--json", str(target)]) == 0
    assert [lesson["name"] for lesson in json.loads(target.read_text())["lessons"]] == ["a", "b"]


@pytest.mark.parametrize(
    ("argv", "message", "hint"),
    [
        (["lesson", "b", "--check"], "b.md:1: there is no front matter", "begin the file"),
        (["lesson", "aa", "--check"], "there is no lesson 'aa'", "did you mean a? lessons are a, b"),
        (["lesson", "none.md", "--check"], "none.md: can't be read: No such file", "a lesson's name, or a file"),
        (["lesson", "a"], "this is not a terminal", "wsgiviz lesson --check"),
        (["clinic"], "this is not a terminal", "wsgiviz clinic --check"),
        (
            ["lesson", "a", "--json", "/nonexistent/x.json"],
            "--json /nonexistent/x.json: can't be written",
            "a folder",
        ),
    ],
)
def test_complaints_name_the_fix(
    argv: list[str],
    message: str,
    hint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    kept = shelf(tmp_path, a=lesson_of("narration", "## A"), b="nothing")
    monkeypatch.setattr("wsgiviz.lessons.library.course", lambda: kept)
    assert wsgiviz(argv) == 2
    said = capsys.readouterr().err
    assert message in said
    assert hint in said


def test_the_list_names_all_and_what_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = shelf(tmp_path, a=lesson_of("narration", "## A"), b="nothing")
    monkeypatch.setattr("wsgiviz.lessons.library.course", lambda: kept)
    assert wsgiviz(["lessons"]) == 0
    said = capsys.readouterr()
    assert "  T\n" in said.out
    assert "  C\n" in said.out
    assert "b.md:1: there is no front matter" in said.err
