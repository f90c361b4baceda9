"""The command line: what is understood, and the words for what is not."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from wsgiviz import __version__, cli, scenarios
from wsgiviz.errors import WsgivizError
from wsgiviz.options import OPTIONS
from wsgiviz.settings import Settings

COMPLAINTS = [
    (["runn"], "there is no command 'runn'", "did you mean run? the commands are run, replay, lesson,"),
    (["run", "--wrokers", "3"], "unknown argument --wrokers", "did you mean --workers?"),
    (["run", "--work", "3"], "unknown argument --work", "did you mean --workers?"),
    (["run", "--strands", "3"], "unknown argument --strands", "wsgiviz run --help lists the options"),
    (["--headless"], "unknown argument --headless", "did you mean --headless? wsgiviz run --help"),
    (["run", "extra"], "unknown argument extra", "wsgiviz run --help lists the options"),
    (["run", "--workers"], "argument --workers: expected one argument", "wsgiviz run --help"),
    (["run", "--workers", "0"], "--workers 0: must be a whole number from 1 to 64", "worker processes"),
    (["run", "--workers", "-2"], "--workers -2: must be a whole number from 1 to 64", "worker processes"),
    (["run", "--scenario", "slep"], "there is no scenario 'slep'", "did you mean sleep?"),
    (["run", "--set", "secs=1"], "scenario sleep has no parameter 'secs'", "did you mean seconds?"),
    (["run", "--set", "seconds"], "--set seconds: must be KEY=VALUE", "for example --set seconds=0.5"),
    (["run", "--set", "seconds=x\x1b[2J"], r"seconds=x\x1b[2J: must be a number", "how long each request"),
    (["run", "--wsgi", "a:b", "--scenario", "cpu"], "--scenario and your own app exclude", "drop one"),
    (["run", "--headless", "--ledger"], "--ledger goes with --json", "add --json FILE"),
    (["run", "--json", "/nonexistent/x.json"], "--json /nonexistent/x.json: can't be written", "give a file"),
    (["run", "--json", "/"], "--json /: can't be written", "give a file"),
    (["run", "--json", ""], "--json : can't be written", "give a file"),
    (["run", "--json", "same", "--record", "./same"], "--json same: that is the recording's file", "give each"),
    (["replay"], "the following arguments are required: FILE", "wsgiviz replay --help"),
    (["replay", "r.wviz", "--side", "wsgi"], "--side goes with two recordings", "wsgiviz replay ONE OTHER --side"),
    (["replay", "a.wviz", "b.wviz", "--headless"], "two recordings have no common report", "for each"),
    (["replay", "r.wviz", "--ledger"], "--ledger goes with --json", "add --json FILE"),
    (["replay", "r.wviz", "--jsno", "-"], "unknown argument --jsno", "did you mean --json? wsgiviz replay --help"),
    (["replay", "r.wviz", "--json", "r.wviz"], "--json r.wviz: that is the recording's file", "give each"),
    (["replay", "r.wviz", "--json", "/"], "--json /: can't be written", "give a file"),
    (["replay", "/nonexistent.wviz", "--headless"], "can't read /nonexistent.wviz", "wsgiviz run --record FILE"),
    (["replay", "r.wviz"], "this is not a terminal", "use wsgiviz replay FILE --headless"),
    ([], "this is not a terminal", "use wsgiviz run --headless"),
    (["run", "--scenario", "http"], "this is not a terminal", "use wsgiviz run --headless"),
]  # fmt: skip


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Settings, tuple[object, ...]]]:
    """What the headless run is asked for, instead of running it."""
    calls: list[tuple[Settings, tuple[object, ...]]] = []

    def record(settings: Settings, *others: object) -> int:
        calls.append((settings, others))
        return 0

    monkeypatch.setattr("wsgiviz.report.headless.run_headless", record)
    return calls


@pytest.mark.parametrize(
    ("argv", "message", "hint"), COMPLAINTS, ids=[" ".join(argv) or "nothing" for argv, _, _ in COMPLAINTS]
)
def test_bad_input_gets_one_line_and_a_hint(
    argv: list[str], message: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(argv) == 2
    shown = capsys.readouterr()
    first, second = shown.err.splitlines()
    assert first.startswith(f"wsgiviz: {message}")
    assert second.startswith("  hint: ")
    assert hint in second
    assert shown.out == ""


def test_a_platform_without_fork(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delattr(os, "fork")
    assert cli.run(["run", "--headless"]) == 2
    assert "this platform has no fork(), which gunicorn needs" in capsys.readouterr().err


def test_every_option_of_the_table_is_understood_and_in_the_help(
    asked: list[tuple[Settings, tuple[object, ...]]], capsys: pytest.CaptureFixture[str]
) -> None:
    argv = [
        "run", "--json", "-", "--ledger", "--record", "run.wviz", "--scenario", "db", "--set", "rows=30", "--dsn", "postgresql:///shop",
        "--workers", "2", "--async-workers", "3", "--worker-class", "gevent", "--async-server", "uvicorn",
            "--threads", "4", "--silence", "loop-held,closed-loop", "--left", "gthread", "--right", "asgi",
        "--host", "127.0.0.9", "--requests", "7", "--arrivals", "closed", "--concurrency", "5",
        "--duration", "1.5", "--order", "in-turn", "--timeout", "2.5",
        "--ready-timeout", "45", "--silent-clients", "3", "--reuse-connections",
    ]  # fmt: skip
    assert cli.run(argv) == 0
    [(settings, others)] = asked
    assert others == ("-", True, False, "run.wviz")
    assert (settings.scenario, settings.parameters, settings.dsn) == ("db", {"rows": 30}, "postgresql:///shop")
    assert (settings.workers, settings.async_workers, settings.requests, settings.concurrency) == (2, 3, 7, 5)
    assert (settings.duration, settings.timeout, settings.order) == (1.5, 2.5, "in-turn")
    assert settings.kinds == {"wsgi": "gthread", "asgi": "asgi"}
    assert (settings.ready_timeout, settings.silent_clients, settings.reuse_connections) == (45.0, 3, True)
    with pytest.raises(SystemExit) as left:
        cli.run(["run", "--help"])
    assert left.value.code == 0
    text = capsys.readouterr().out
    assert all(option.flag in text for option in OPTIONS)
    assert all(
        flag in argv
        for flag in (
            o.flag
            for o in OPTIONS
            if o.section not in ("App", "gunicorn") and o.name not in ("only", "right_workers") or o.name == "dsn"
        )
    )


def test_an_own_app_runs_alone_on_its_side(asked: list[tuple[Settings, tuple[object, ...]]]) -> None:
    assert cli.run(["run", "--headless", "--asgi", "shop:make()", "--path", "/orders?open=1"]) == 0
    assert asked[0][0].sides == ("asgi",)
    assert asked[0][0].request_path == "/orders?open=1"


@pytest.mark.parametrize("argv", [["--ascii", "run", "--headless"], ["run", "--headless", "--ascii"]], ids=" ".join)
def test_ascii_may_stand_before_and_behind_the_command(
    argv: list[str], asked: list[tuple[Settings, tuple[object, ...]]]
) -> None:
    cli.run(argv)
    assert asked[0][1] == (None, False, True, None)


def test_an_address_for_others_comes_with_a_warning(
    asked: list[tuple[Settings, tuple[object, ...]]], capsys: pytest.CaptureFixture[str]
) -> None:
    cli.run(["run", "--headless", "--host", "0.0.0.0"])
    assert capsys.readouterr().err == "wsgiviz: warning: listening on 0.0.0.0: others can reach the app\n"
    cli.run(["run", "--headless", "--host", "127.0.0.9"])
    assert capsys.readouterr().err == ""


def fails_with(error: BaseException) -> Callable[..., int]:
    def fail(*_: object) -> int:
        raise error

    return fail


def test_a_run_that_failed_is_reported_with_its_details_made_visible(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failure = WsgivizError("no\x07 app", "fix\x9b it", "File 'a.py', line 1\n\traise \x1b]0;title\x07\u202e")
    monkeypatch.setattr("wsgiviz.report.headless.run_headless", fails_with(failure))
    assert cli.run(["run", "--headless"]) == 1
    assert capsys.readouterr().err == (
        "wsgiviz: no\\x07 app\n  hint: fix\\x9b it\n  | File 'a.py', line 1\n"
        "  |     raise \\x1b]0;title\\x07\\u202e\n"
    )


def test_an_interrupt_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wsgiviz.report.headless.run_headless", fails_with(KeyboardInterrupt()))
    assert cli.run(["run", "--headless"]) == 130


def test_a_bug_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wsgiviz.report.headless.run_headless", fails_with(OSError(errno.EBADF, "bug")))
    with pytest.raises(OSError, match="bug"):
        cli.run(["run", "--headless"])


def test_the_scenarios_with_question_calls_and_parameters(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["scenarios"]) == 0
    text = capsys.readouterr().out
    for scenario in (*scenarios.catalogue(), *scenarios.symptoms()):
        assert f"{scenario.name:<7} {scenario.question}\n" in text
        for parameter in scenario.parameters:
            assert f"--set {parameter.name}={parameter.show(parameter.default)}" in text
    assert "--set fix=no|async|limiter   how /healthz is served" in text
    assert text.isascii()


def wsgiviz(*argv: str, stdout: int = subprocess.PIPE, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "wsgiviz", *argv],
        stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=20,
        env={**os.environ, **env},
    )  # fmt: skip


def test_as_a_program() -> None:
    done = wsgiviz("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"wsgiviz {__version__}\n", "")
    done = wsgiviz("run", "--workers", "0")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("wsgiviz: --workers 0: must be a whole number from 1 to 64\n  hint: ")


def test_a_reader_that_goes_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    done = wsgiviz("scenarios", stdout=write)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
def test_a_full_disk_is_reported() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    done = wsgiviz("scenarios", stdout=full)
    os.close(full)
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        1, "wsgiviz: can't write the report: No space left on device",
    )  # fmt: skip


def test_an_encoding_without_our_signs_is_no_error() -> None:
    done = wsgiviz("run", "--set", "seconds=\u2308", PYTHONIOENCODING="ascii:strict")
    assert done.returncode == 2
    assert "seconds=\\u2308: must be a number" in done.stderr


def test_what_is_not_needed_yet_is_not_imported() -> None:
    """A complaint about the arguments, and the list of scenarios, come at once."""
    program = (
        "import sys; from wsgiviz.cli import run; status = [run(['scenarios']), run(['run', '--workers', '0'])];"
        "late = {'textual', 'rich', 'httpx', 'psutil', 'gunicorn', 'asyncio', 'wsgiviz.control.controller'};"
        "late &= set(sys.modules);"
        "sys.exit(f'{late} {status}' if late or status != [0, 2] else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr
