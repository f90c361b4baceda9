"""The command line: what is understood, and what is said about what is not."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any, NoReturn
from urllib.parse import quote

from wsgiviz import __version__, scenarios
from wsgiviz.errors import UsageError
from wsgiviz.options import BY_NAME, OPTIONS, Option
from wsgiviz.settings import Settings, make, protocol

COMMANDS = (
    "run", "replay", "lesson", "clinic", "lessons", "tour", "notes", "scenarios", "lints", "exec", "attach", "dump",
)  # fmt: skip

DESCRIPTION = """\
See, on real servers, why WSGI is synchronous: gunicorn workers and an event loop, live, under the same load.

Without a command, the terminal program starts on scenario "sleep" and fires the first burst by itself."""

EPILOG = """\
examples:
  wsgiviz run --scenario http --workers 8 --requests 40
  wsgiviz run --scenario sleep --set seconds=0.5 --headless
  wsgiviz run --wsgi shop.app:app --path /orders --headless --json -
  wsgiviz run --record shop.wviz --wsgi shop.app:app
  wsgiviz replay shop.wviz
  wsgiviz lesson blocked
  wsgiviz clinic --check

exit status: 0 done (failed requests are counted, not an error), 1 the run failed, 2 the arguments were wrong"""

ASCII_HELP = "plain ASCII characters only"


class Parser(argparse.ArgumentParser):
    """argparse, with complaints like ours: one line and a hint."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, f"{self.prog} --help lists what there is")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """argparse's own message for an unknown command lists Python values."""
        if action.choices is not None and value not in action.choices:
            near = get_close_matches(str(value), COMMANDS, 1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise UsageError(f"there is no command {value!r}", f"{hint}the commands are {', '.join(COMMANDS)}")


def parser() -> Parser:
    """All commands."""
    style = argparse.RawDescriptionHelpFormatter
    top = Parser("wsgiviz", description=DESCRIPTION, epilog=EPILOG, formatter_class=style, allow_abbrev=False)
    top.add_argument("--version", action="version", version=f"wsgiviz {__version__}")
    top.add_argument("--ascii", action="store_true", help=ASCII_HELP)
    commands = top.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)
    run = commands.add_parser(
        "run", help="run a scenario or your own app, with options", epilog=EPILOG,
        formatter_class=style, allow_abbrev=False,
    )  # fmt: skip
    _add_run_options(run)
    replay = commands.add_parser("replay", help="show a recording again, without servers", allow_abbrev=False)
    replay.add_argument("file", metavar="FILE", help="what run --record wrote")
    replay.add_argument("beside", metavar="FILE", nargs="?", help="a second one, beside it on the same axis")
    replay.add_argument(
        "--side",
        metavar="SIDE",
        help="of two recordings: the side to show of each (default: wsgi, or what both have)",
    )
    replay.add_argument("--loop", action="store_true", help="start over at the end")
    _add_view_options(replay)
    _add_lesson_options(commands.add_parser("lesson", help="predict, run and see one claim", allow_abbrev=False))
    _add_lesson_options(commands.add_parser("clinic", help="a symptom, its cause and its fix", allow_abbrev=False))
    commands.add_parser("lessons", help="list the lessons and the clinic's symptoms", allow_abbrev=False)
    tour = commands.add_parser("tour", help="all scenarios in order, each with a comment", allow_abbrev=False)
    notes = commands.add_parser(
        "notes", help="the speaker's notes of the lesson in another terminal", allow_abbrev=False
    )
    for shown in (tour, notes):
        shown.add_argument("--ascii", action="store_true", default=argparse.SUPPRESS, help=ASCII_HELP)
    _add_exec_options(commands.add_parser(
        "exec", help="run your own server command, unchanged, with the probe inside", allow_abbrev=False,
        usage="wsgiviz exec [--redact] [--always] [--] COMMAND ...",
    ))  # fmt: skip
    _add_dump_options(commands.add_parser(
        "dump", help="what running servers are doing now, or how their workers died", allow_abbrev=False,
        epilog="Exit status: 0 nothing was found, 1 something was found (--last: a worker died), 2 wrong arguments "
        "or no such process. docs/dump.md has the keys of the JSON.",
    ))  # fmt: skip
    _add_attach_options(commands.add_parser(
        "attach", help="the live screen for servers started with wsgiviz exec", allow_abbrev=False,
    ))  # fmt: skip
    commands.add_parser("scenarios", help="list the scenarios and their parameters", allow_abbrev=False)
    commands.add_parser("lints", help="list the lints: what each one means, and the fix", allow_abbrev=False)
    return top


def _add_run_options(run: argparse.ArgumentParser) -> None:
    run.add_argument("app", nargs="?", metavar="MODULE:APP", help="your own app; its protocol is detected")
    app = run.add_argument_group("Scenario")
    names = ", ".join(scenario.name for scenario in scenarios.catalogue())
    app.add_argument("--scenario", metavar="NAME", help=f"one of: {names} (default: sleep)")
    app.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a parameter of the scenario")
    groups: dict[str, Any] = {}
    for option in OPTIONS:
        if option.section not in groups:
            groups[option.section] = run.add_argument_group(option.section)
        default = _default(option.name)
        group = groups[option.section]
        if option.switch:
            group.add_argument(option.flag, action="store_const", const="yes", help=option.help)
            without = "--no-" + option.name.replace("_", "-")  # where a scenario has it on
            group.add_argument(without, dest=option.name, action="store_const", const="no", help=argparse.SUPPRESS)
            continue
        group.add_argument(
            option.flag,
            action="append" if option.joined_by else "store",
            metavar=option.metavar or "|".join(option.choices),
            help=option.help + (f" (default: {default})" if default not in (None, "") else ""),
        )
    groups["App"].add_argument("--chdir", metavar="DIR", help="change to this folder before the app is loaded")
    view = _add_view_options(run)
    view.add_argument("--record", metavar="FILE", help="write every event to a recording, for wsgiviz replay")


def _add_view_options(command: argparse.ArgumentParser) -> Any:
    view = command.add_argument_group("Output")
    view.add_argument("--headless", action="store_true", help="no screen: a summary at the end")
    view.add_argument("--json", metavar="FILE", help="the result as JSON; - for stdout. Implies --headless")
    view.add_argument("--ledger", action="store_true", help="with --json: the times of every request too")
    view.add_argument(  # given before the command, it must not be undone here
        "--ascii", action="store_true", default=argparse.SUPPRESS, help=ASCII_HELP
    )
    return view


def _add_lesson_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("name", nargs="?", metavar="NAME|FILE", help="see wsgiviz lessons (default: all of them)")
    check = "do its runs without a screen; exit status 0 if all that it claims holds, else 1"
    command.add_argument("--check", action="store_true", help=check)
    command.add_argument("--json", metavar="FILE", help="what held, as JSON; - for stdout. Implies --check")
    command.add_argument("--ascii", action="store_true", default=argparse.SUPPRESS, help=ASCII_HELP)


def _add_exec_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--redact", action="store_true", help="record no paths of requests: they may hold secrets")
    command.add_argument("--always", action="store_true", help="sample lines even while no viewer is attached")
    command.add_argument("argv", nargs=argparse.REMAINDER, metavar="COMMAND ...", help="gunicorn, uvicorn, a script")


def _add_dump_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("pid", nargs="?", type=_pid, metavar="PID", help="of a server (default: all of this user)")
    command.add_argument("--last", action="store_true", help="the black box: the last events of workers that died")
    command.add_argument("--json", metavar="FILE", help="the same as JSON; - for stdout")
    command.add_argument("--ascii", action="store_true", default=argparse.SUPPRESS, help=ASCII_HELP)


def _pid(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text[:10]) < 1 << 31 and len(text) < 11):
        raise UsageError(f"{text}: that is no pid", "give the number of a process, as ps shows it")
    return int(text)


def _add_attach_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "pid", nargs="*", type=_pid, metavar="PID",
        help="of a master, a worker or the command, of at most two servers; none: choose of those there are",
    )  # fmt: skip
    command.add_argument("--record", metavar="FILE", help="write every event to a recording, for wsgiviz replay")
    command.add_argument("--redact", action="store_true", help="hide the paths of requests: they may hold secrets")
    command.add_argument("--ascii", action="store_true", default=argparse.SUPPRESS, help=ASCII_HELP)


def _default(name: str) -> object:
    return "the scenario's" if name == "requests" else getattr(Settings(), name)


def parse(argv: list[str]) -> argparse.Namespace:
    """The arguments by name. Raises UsageError."""
    top = parser()
    arguments, unknown = top.parse_known_args(argv)
    if unknown:
        # Without a command, what was meant is an option of run.
        command = arguments.command or "run"
        flags = [flag for known in (top, _command(top, command)) for flag in known._option_string_actions]
        near = get_close_matches(unknown[0].partition("=")[0], flags, 1, 0.7)
        hint = f"did you mean {near[0]}? " if near else ""
        raise UsageError(f"unknown argument {unknown[0]}", f"{hint}wsgiviz {command} --help lists the options")
    return arguments


def _command(top: Parser, name: str) -> argparse.ArgumentParser:
    [commands] = [action for action in top._actions if isinstance(action, argparse._SubParsersAction)]
    found: argparse.ArgumentParser = commands.choices[name]
    return found


def settings_of(arguments: argparse.Namespace) -> Settings:
    """The settings that the command line asks for. Raises UsageError."""
    if arguments.command != "run":
        return make()
    given = {option.name: _joined(option, getattr(arguments, option.name)) for option in OPTIONS}
    scenario = arguments.scenario
    if scenario is not None and (arguments.wsgi or arguments.asgi):
        raise UsageError("--scenario and your own app exclude each other", "drop one of them")
    if scenario is not None:
        given["scenario"] = scenario
    settings = make(parameters=_pairs(arguments.set), **given)
    refuse_without_effect(settings, given_names(arguments))
    return settings


def given_names(arguments: argparse.Namespace) -> frozenset[str]:
    """The options that the command line has, by their names in Settings."""
    return frozenset(option.name for option in OPTIONS if getattr(arguments, option.name, None) is not None)


NEEDS: dict[str, tuple[Callable[[Settings], bool], str, str]] = {
    "workers": (lambda s: "wsgi" in _protocols(s), "no WSGI server runs", "--async-workers is for ASGI"),
    "worker_class": (lambda s: "wsgi" in _protocols(s), "no WSGI server runs", "--async-server is for ASGI"),
    "threads": (lambda s: "wsgi" in _protocols(s), "no WSGI server runs", "a loop has one thread"),
    "async_workers": (lambda s: "asgi" in _protocols(s), "no ASGI server runs", "--workers is for WSGI"),
    "async_server": (lambda s: "asgi" in _protocols(s), "no ASGI server runs", "--worker-class is for WSGI"),
    "left": (lambda s: s.left in s.kinds.values(), "no app of yours fits it, or --only leaves it out", "drop it"),
    "right": (lambda s: s.right in s.kinds.values(), "no app of yours fits it, or --only leaves it out", "drop it"),
    "right_workers": (lambda s: any(side.endswith("2") for side in s.kinds), "the panes have their own numbers",
                      "--workers is for WSGI, --async-workers for ASGI"),
    "order": (lambda s: len(s.kinds) > 1, "only one server runs", "drop it"),
    "concurrency": (lambda s: s.arrivals == "closed", "all requests of a burst come at once",
                    "add --arrivals closed, or use --requests"),
    "reuse_connections": (lambda s: not s.websocket, "a WebSocket carries no second request", "drop it"),
    "worker_connections": (lambda s: bool({"gthread", "gevent", "asgi"} & set(s.kinds.values())),
                           "a sync worker holds one connection", "add --worker-class gthread"),
    "keep_alive": (lambda s: bool({"gthread", "gevent", "asgi"} & set(s.kinds.values())),
                   "a sync worker keeps no connection", "add --worker-class gthread"),
}  # fmt: skip
"""Options that do something only under a condition; why not otherwise, and what to do."""


def _protocols(settings: Settings) -> set[str]:
    return {protocol(kind) for kind in settings.kinds.values()}


def refuse_without_effect(settings: Settings, given: frozenset[str]) -> None:
    """Raise UsageError for an option that would do nothing: who gives it expects something of it."""
    for name, (has_effect, why, hint) in NEEDS.items():
        if name in given and not has_effect(settings):
            raise UsageError(f"{BY_NAME[name].flag} has no effect: {why}", hint)


def _joined(option: Option, given: Any) -> Any:
    """One text of all that were given; what would take one value apart is percent-encoded in it, or refused."""
    if given is None or not option.joined_by:
        return given
    if option.joined_by == " ":
        given = ["".join(quote(char) if char.isspace() else char for char in text) for text in given]
    elif any(option.joined_by in text for text in given):
        raise UsageError(f"{option.flag}: a value of one line is expected", f"give {option.flag} several times")
    return option.joined_by.join(given)


def _pairs(texts: list[str]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise UsageError(f"--set {text}: must be KEY=VALUE", "for example --set seconds=0.5")
        pairs[key] = value
    return pairs
