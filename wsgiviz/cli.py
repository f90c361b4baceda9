"""argv → settings → the view that was asked for. Views are imported when they are needed, not before."""

from __future__ import annotations

import argparse
import errno
import io
import os
import signal
import sys
import textwrap
from pathlib import Path

from wsgiviz import scenarios
from wsgiviz.arguments import given_names, parse, settings_of
from wsgiviz.asking import read_body
from wsgiviz.errors import UsageError, WsgivizError
from wsgiviz.options import BY_NAME, SMALLEST_TERMINAL
from wsgiviz.settings import Settings, check_installed


def run(argv: list[str]) -> int:
    """Carry out ``argv`` and give the exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # an encoding that lacks a sign is no reason to end
    try:
        status = _carry_out(argv)
        sys.stdout.flush()  # here, where a pipe that is gone can still be caught
        return status
    except WsgivizError as error:
        complain(error)
        return error.status
    except BrokenPipeError:  # as when piped into head
        _drop_output()
        return 0
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EIO):
            raise
        _drop_output()
        complain(WsgivizError(f"can't write the report: {error.strerror}", "is the disk full?"))
        return WsgivizError.status
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _drop_output() -> None:
    """What is still buffered for stdout goes nowhere, silently."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _carry_out(argv: list[str]) -> int:
    arguments = parse(argv)
    if arguments.command == "scenarios":
        return _list_scenarios()
    if arguments.command == "lints":
        return _list_lints()
    if arguments.command == "lessons":
        return _list_lessons()
    if arguments.command in ("lesson", "clinic"):
        return _lesson(arguments)
    if arguments.command == "exec":
        from wsgiviz.control.guest import run_command

        command = arguments.argv[1:] if arguments.argv[:1] == ["--"] else arguments.argv
        run_command(command, arguments.redact, arguments.always)
    if arguments.command == "dump":
        return _dump(arguments)
    if arguments.command == "attach":
        return _attach(arguments)
    if arguments.command == "tour":
        return _tour(arguments)
    if arguments.command == "notes":
        return _notes(arguments)
    return _replay(arguments) if arguments.command == "replay" else _run(arguments)


def _list_scenarios() -> int:
    for scenario in (*scenarios.catalogue(), *scenarios.symptoms()):
        if scenario is scenarios.symptoms()[0]:
            print("Symptoms, with a fix each; wsgiviz clinic has their causes\n")
        print(f"{scenario.name:<7} {scenario.question}")
        print(f"{'':<7} {'  |  '.join(filter(None, scenario.calls(scenario.values({}))))}")
        for parameter in scenario.parameters:
            unit = f" {parameter.unit}" if parameter.unit else ""
            print(f"{'':<7} --set {parameter.name}={parameter.shown}{unit}   {parameter.help}")
        print()
    return 0


def _list_lints() -> int:
    from wsgiviz.analysis.lints import listing

    for name, explanation, source in listing():
        print(name)
        print(textwrap.fill(explanation, 100, initial_indent="  ", subsequent_indent="  "))
        print(textwrap.fill(f"Source: {source}", 100, initial_indent="  ", subsequent_indent="  "))
        print()
    return 0


def _list_lessons() -> int:
    from wsgiviz.lessons.library import clinic, course

    shelves = course(), clinic()
    names = [lesson.name for shelf in shelves for lesson in shelf.lessons]
    width = max(map(len, names), default=0)
    for heading, shelf in zip(("wsgiviz lesson NAME", "wsgiviz clinic NAME"), shelves, strict=True):
        print(heading)
        for lesson in shelf.lessons:
            print(f"  {lesson.name:<{width}}  {lesson.symptom or lesson.title}")
            print(
                textwrap.fill(
                    lesson.claim, 100, initial_indent=" " * (width + 4), subsequent_indent=" " * (width + 4)
                )
            )
        print()
        for error in shelf.broken:
            complain(error)
    return 0


def _lesson(arguments: argparse.Namespace) -> int:
    """A lesson or a clinic's case; without a name all of them, to choose from or to check."""
    from wsgiviz.lessons import library

    is_clinic = arguments.command == "clinic"
    what = "symptom" if is_clinic else "lesson"
    if arguments.name is None:
        shelf, lesson = (library.clinic if is_clinic else library.course)(), None
    else:
        lesson = library.find(arguments.name, library.clinic() if is_clinic else library.course(), what)
        shelf = library.Shelf((lesson,))
    if arguments.check or arguments.json is not None:
        from wsgiviz.report.check import run_check

        return run_check(shelf, _writable(arguments.json), arguments.ascii)
    _prepare_terminal(f"wsgiviz {arguments.command} --check")
    from wsgiviz.tui.app import run_lesson

    return run_lesson(lesson, ascii=arguments.ascii, clinic=is_clinic)


def _tour(arguments: argparse.Namespace) -> int:
    _prepare_terminal("wsgiviz run --headless --scenario NAME")
    from wsgiviz.lessons.tour import tour
    from wsgiviz.tui.app import run_lesson

    return run_lesson(tour(), ascii=arguments.ascii)


def _attach(arguments: argparse.Namespace) -> int:
    from wsgiviz.control.running import choose, running

    listed = not arguments.pid and sys.stdout.isatty() and len(running()) > 1
    directories = [] if listed else choose(arguments.pid)
    _prepare_terminal("wsgiviz dump")
    from wsgiviz.tui.attached_app import run_attached
    from wsgiviz.tui.server_list_app import choose_servers

    if listed and not (directories := choose_servers(arguments.ascii)):
        return 0
    return run_attached(directories, arguments.ascii, arguments.record, arguments.redact)


def _notes(arguments: argparse.Namespace) -> int:
    _prepare_terminal("wsgiviz lessons")
    from wsgiviz.tui.notes_app import run_notes

    return run_notes(ascii=arguments.ascii)


def _dump(arguments: argparse.Namespace) -> int:
    json = _writable(arguments.json)
    if arguments.last:
        from wsgiviz.report.last_deaths import run_last

        return run_last(arguments.pid, json, arguments.ascii)
    from wsgiviz.report.dump import run_dump

    return run_dump(arguments.pid, json, arguments.ascii)


def _run(arguments: argparse.Namespace) -> int:
    if getattr(arguments, "chdir", None) is not None:
        _change_folder(arguments)
    if getattr(arguments, "app", None) is not None:
        _find_protocol(arguments)
    settings = settings_of(arguments)
    if not hasattr(os, "fork"):
        raise UsageError("this platform has no fork(), which gunicorn needs", "use Linux, macOS, or WSL")
    settings = _with_own_conf(settings, given_names(arguments))
    if settings.body:
        read_body(settings.body)
    check_installed(settings)
    _warn_of_faults(settings)
    if not settings.loopback:
        print(f"wsgiviz: warning: listening on {settings.host}: others can reach the app", file=sys.stderr)
    record = getattr(arguments, "record", None)
    if arguments.command and _headless(arguments):
        _refuse_one_file_for_both(arguments.json, record)
        from wsgiviz.report.headless import run_headless

        return run_headless(settings, _writable(arguments.json), arguments.ledger, arguments.ascii, record)
    _prepare_terminal("wsgiviz run --headless")
    from wsgiviz.tui.app import run as run_tui

    return run_tui(settings, ascii=arguments.ascii, record=record)


def _change_folder(arguments: argparse.Namespace) -> None:
    """As gunicorn's --chdir: files named on the command line are those of the folder that it was given in."""
    for name in ("json", "record", "gunicorn_conf", "python"):
        given = getattr(arguments, name)
        program = name == "python" and os.sep not in (given or "")  # is looked for on the PATH
        if given not in (None, "-") and not program:
            setattr(arguments, name, os.path.abspath(os.path.expanduser(given)))
    if (arguments.body or "").startswith("@"):
        arguments.body = "@" + os.path.abspath(arguments.body[1:])
    try:
        os.chdir(arguments.chdir)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"--chdir {arguments.chdir}: {reason}", "give the folder that the app is imported from"
        ) from error


def _find_protocol(arguments: argparse.Namespace) -> None:
    """Of an app that was given by its import string alone."""
    if ":" not in arguments.app:
        raise UsageError(f"unknown argument {arguments.app}", "wsgiviz run --help lists the options")
    if arguments.wsgi or arguments.asgi or arguments.scenario:
        raise UsageError(f"{arguments.app}: another app, or a scenario, is given too", "drop one of them")
    from wsgiviz.own_app import protocol_of

    app = BY_NAME["wsgi"].parse_given(arguments.app)
    setattr(arguments, protocol_of(app, arguments.python), app)


def _with_own_conf(settings: Settings, given: frozenset[str]) -> Settings:
    """With what a person's own gunicorn.conf.py says; and say what of such things is not used."""
    if not settings.own_app or set(settings.kinds.values()) == {"uvicorn"}:
        return settings
    from wsgiviz.own_conf import not_used, with_conf

    settings, said = with_conf(settings, given)
    for words in filter(None, (said, "" if settings.gunicorn_conf else not_used())):
        print(f"wsgiviz: {_visible(words)}", file=sys.stderr)
    return settings


def _warn_of_faults(settings: Settings) -> None:
    """Of the servers there, where --python is given."""
    if settings.python and set(settings.kinds.values()) != {"uvicorn"}:
        from wsgiviz.interpreter import executable, known_fault, look_at

        fault = known_fault(look_at(executable(settings.python)))
        if fault:
            print(f"wsgiviz: warning: {fault}", file=sys.stderr)


def _replay(arguments: argparse.Namespace) -> int:
    if arguments.side is not None and arguments.beside is None:
        raise UsageError("--side goes with two recordings", "wsgiviz replay ONE OTHER --side wsgi")
    if _headless(arguments):
        if arguments.beside is not None:
            raise UsageError("two recordings have no common report", "run wsgiviz replay FILE --headless for each")
        from wsgiviz.report.replay import run_replay as report_replay

        _refuse_one_file_for_both(arguments.json, arguments.file)
        return report_replay(arguments.file, _writable(arguments.json), arguments.ledger, arguments.ascii)
    _prepare_terminal("wsgiviz replay FILE --headless")
    from wsgiviz.tui.app import run_replay as show_replay

    given = arguments.beside, arguments.side
    return show_replay(arguments.file, arguments.ascii, arguments.loop, *given)


def _headless(arguments: argparse.Namespace) -> bool:
    if arguments.ledger and arguments.json is None:
        raise UsageError("--ledger goes with --json", "add --json FILE, or --json - for stdout")
    return arguments.json is not None or arguments.headless


def _prepare_terminal(headless: str) -> None:
    """Refuse what the screens can't be shown on. (One that shrinks later gets a message, and may grow again.)

    ``headless`` is the command that needs no terminal.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("this is not a terminal", f"use {headless}, or --json FILE")
    columns, lines = os.get_terminal_size(sys.stdout.fileno())
    least = SMALLEST_TERMINAL
    if 0 < columns < least[0] or 0 < lines < least[1]:  # 0 is a terminal that does not say
        raise UsageError(
            f"this terminal is too small: {columns} x {lines}",
            f"make it {least[0]} x {least[1]} or more, or use {headless}",
        )
    # Textual sends what has changed at the next beat of a clock of its own, at 60 a second: that is 17 ms more.
    os.environ.setdefault("TEXTUAL_FPS", "120")


def _refuse_one_file_for_both(json: str | None, recording: str | None) -> None:
    if json not in (None, "-") and recording is not None and _same_file(Path(json or ""), Path(recording)):
        raise UsageError(f"--json {json}: that is the recording's file", "give each a file of its own")


def _same_file(one: Path, other: Path) -> bool:
    try:
        return one.resolve() == other.resolve()
    except (OSError, RuntimeError):  # RuntimeError: a symbolic link to itself
        return False


def _writable(json: str | None) -> str | None:
    """Refuse a file that can't be written before the run, not after it."""
    if json is None or json == "-":
        return json
    path = Path(json)
    device = path.exists() and not path.is_file()  # is written to; a file is replaced
    if path.is_dir() or not os.access(path if device else path.absolute().parent, os.W_OK):
        raise UsageError(f"--json {json}: can't be written", "give a file in a folder that you can write to")
    return json


def complain(error: WsgivizError) -> None:
    """Say what went wrong, and the fix, on stderr. Control characters are made visible."""
    print(f"wsgiviz: {_visible(error.message)}", file=sys.stderr)
    if error.hint:
        print(f"  hint: {_visible(error.hint)}", file=sys.stderr)
    for line in error.detail.splitlines():
        print(f"  | {_visible(line)}", file=sys.stderr)


def _visible(text: str) -> str:
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text.replace("\t", "    "))
