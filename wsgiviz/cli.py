"""argv → settings → the view that was asked for. Views are imported when they are needed, not before."""

from __future__ import annotations

import argparse
import errno
import io
import os
import signal
import sys
import textwrap
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

from wsgiviz import __version__, scenarios
from wsgiviz.errors import UsageError, WsgivizError
from wsgiviz.model import lints
from wsgiviz.settings import OPTIONS, SMALLEST_TERMINAL, Settings, make

COMMANDS = ("run", "scenarios", "lints")

DESCRIPTION = """\
See, on real servers, why WSGI is synchronous: gunicorn workers and an event loop, live, under the same load.

Without a command, the terminal program starts on scenario "sleep" and fires the first burst by itself."""

EPILOG = """\
examples:
  wsgiviz run --scenario http --workers 8 --requests 40
  wsgiviz run --scenario sleep --set seconds=0.5 --headless
  wsgiviz run --wsgi shop.app:app --path /orders --headless --json -

exit status: 0 done (failed requests are counted, no error), 1 the run failed, 2 the arguments were wrong"""


class Parser(argparse.ArgumentParser):
    """argparse, but its complaints come as ours do: one line and a hint."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, f"{self.prog} --help lists what there is")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """argparse's own message for an unknown command lists Python values."""
        if action.choices is not None and value not in action.choices:
            near = get_close_matches(str(value), COMMANDS, 1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise UsageError(f"there is no command {value!r}", f"{hint}there are {', '.join(COMMANDS)}")


def parser() -> Parser:
    """The whole command line."""
    style = argparse.RawDescriptionHelpFormatter
    top = Parser("wsgiviz", description=DESCRIPTION, epilog=EPILOG, formatter_class=style, allow_abbrev=False)
    top.add_argument("--version", action="version", version=f"wsgiviz {__version__}")
    top.add_argument("--ascii", action="store_true", help="plain ASCII signs only")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)
    run = commands.add_parser(
        "run", help="run a scenario or your own app, with options", epilog=EPILOG,
        formatter_class=style, allow_abbrev=False,
    )  # fmt: skip
    _add_run_options(run)
    commands.add_parser("scenarios", help="list the scenarios and their parameters", allow_abbrev=False)
    commands.add_parser("lints", help="list the pitfalls that are told, with why and what to do", allow_abbrev=False)
    return top


def _add_run_options(run: argparse.ArgumentParser) -> None:
    what = run.add_argument_group("What")
    names = ", ".join(_names())
    what.add_argument("--scenario", metavar="NAME", help=f"one of: {names} (default: sleep)")
    what.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a parameter of the scenario")
    groups: dict[str, Any] = {}
    for option in OPTIONS:
        if option.section not in groups:
            groups[option.section] = run.add_argument_group(option.section)
        default = _default(option.name)
        groups[option.section].add_argument(
            option.flag,
            metavar=option.metavar or "|".join(option.choices),
            help=option.help + (f" (default: {default})" if default is not None else ""),
        )
    view = run.add_argument_group("View")
    view.add_argument("--headless", action="store_true", help="no screen: progress, then a summary")
    view.add_argument("--json", metavar="FILE", help="the result as JSON; - for stdout. Implies --headless")
    view.add_argument("--ledger", action="store_true", help="with --json: every request's times too")
    view.add_argument(  # given before "run", it must not be undone here
        "--ascii", action="store_true", default=argparse.SUPPRESS, help="plain ASCII signs only"
    )


def _names() -> list[str]:
    return [scenario.name for scenario in scenarios.catalogue()]


def _default(name: str) -> object:
    return "the scenario's" if name == "requests" else getattr(Settings(), name)


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
    arguments = _parse(argv)
    if arguments.command == "scenarios":
        return _list_scenarios()
    return _list_lints() if arguments.command == "lints" else _run(arguments)


def _parse(argv: list[str]) -> argparse.Namespace:
    top = parser()
    arguments, unknown = top.parse_known_args(argv)
    if unknown:
        flags = [action for command in (top, _run_parser(top)) for action in command._option_string_actions]
        near = get_close_matches(unknown[0].partition("=")[0], flags, 1, 0.7)
        hint = f"did you mean {near[0]}? " if near else ""
        command = arguments.command or "run"
        raise UsageError(f"unknown argument {unknown[0]}", f"{hint}wsgiviz {command} --help lists the options")
    return arguments


def _run_parser(top: Parser) -> argparse.ArgumentParser:
    [commands] = [action for action in top._actions if isinstance(action, argparse._SubParsersAction)]
    found: argparse.ArgumentParser = commands.choices["run"]
    return found


def settings_of(arguments: argparse.Namespace) -> Settings:
    """The settings that the command line asks for. Raises UsageError."""
    if arguments.command != "run":
        return make()
    given = {option.name: getattr(arguments, option.name) for option in OPTIONS}
    scenario = arguments.scenario
    if scenario is not None and (arguments.wsgi or arguments.asgi):
        raise UsageError("--scenario and an app of your own exclude each other", "drop one of them")
    if scenario is not None:
        given["scenario"] = scenarios.find(scenario).name
    return make(parameters=_pairs(arguments.set), **given)


def _pairs(texts: list[str]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise UsageError(f"--set {text}: that is not KEY=VALUE", "for example --set seconds=0.5")
        pairs[key] = value
    return pairs


def _list_lints() -> int:
    for name, explanation, source in lints.listing():
        print(name)
        print(textwrap.fill(explanation, 100, initial_indent="  ", subsequent_indent="  "))
        print(textwrap.fill(f"Source: {source}", 100, initial_indent="  ", subsequent_indent="  "))
        print()
    return 0


def _run(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    if not hasattr(os, "fork"):
        raise UsageError("this platform has no fork(), which gunicorn needs", "use Linux, macOS, or WSL")
    if not settings.loopback:
        print(f"wsgiviz: warning: listening on {settings.host}: others can reach the app", file=sys.stderr)
    json = getattr(arguments, "json", None)
    if getattr(arguments, "ledger", False) and json is None:
        raise UsageError("--ledger goes with --json", "add --json FILE, or --json - for stdout")
    if json is not None or getattr(arguments, "headless", False):
        from wsgiviz.report.headless import run_headless

        ledger = getattr(arguments, "ledger", False)
        return run_headless(settings, _writable(json), ledger, arguments.ascii)
    _check_terminal()
    # Textual sends what has changed at the next beat of a clock of its own, at 60 a second: that is 17 ms more.
    os.environ.setdefault("TEXTUAL_FPS", "120")
    from wsgiviz.tui.app import run as run_tui

    return run_tui(settings, ascii=arguments.ascii)


def _check_terminal() -> None:
    """Refuse what the live screen can't be shown on. (One that shrinks later is told so, and may grow again.)"""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("this is not a terminal", "use wsgiviz run --headless, or --json FILE")
    columns, lines = os.get_terminal_size(sys.stdout.fileno())
    least = SMALLEST_TERMINAL
    if 0 < columns < least[0] or 0 < lines < least[1]:  # 0 is a terminal that does not tell
        raise UsageError(
            f"this terminal is too small: {columns} x {lines}",
            f"make it {least[0]} x {least[1]} or more, or use wsgiviz run --headless",
        )


def _writable(json: str | None) -> str | None:
    """Refuse a file that can't be written before the run, not after it."""
    if json is None or json == "-":
        return json
    path = Path(json)
    device = path.exists() and not path.is_file()  # is written to; a file is replaced
    if path.is_dir() or not os.access(path if device else path.absolute().parent, os.W_OK):
        raise UsageError(f"--json {json}: can't be written", "give a file in a folder that you can write to")
    return json


def _list_scenarios() -> int:
    for scenario in scenarios.catalogue():
        print(f"{scenario.name:<7} {scenario.question}")
        wsgi, asgi = scenario.calls(scenario.values({}))
        print(f"{'':<7} {wsgi}  |  {asgi}")
        for parameter in scenario.parameters:
            unit = f" {parameter.unit}" if parameter.unit else ""
            print(f"{'':<7} --set {parameter.name}={parameter.default:g}{unit}   {parameter.help}")
        print()
    return 0


def complain(error: WsgivizError) -> None:
    """Say what went wrong, and the mend, on stderr. Control characters are made visible."""
    print(f"wsgiviz: {_visible(error.message)}", file=sys.stderr)
    if error.hint:
        print(f"  hint: {_visible(error.hint)}", file=sys.stderr)
    for line in error.detail.splitlines():
        print(f"  | {_visible(line)}", file=sys.stderr)


def _visible(text: str) -> str:
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text.replace("\t", "    "))
