"""One table of options, for the command line, the form and the help: each with what it takes, and in which words."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from wsgiviz import asking, lint_names
from wsgiviz.errors import UsageError

IMPORT_STRING = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*(\(.*\))?")
MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


@dataclass(frozen=True, slots=True)
class Option:
    """One option: its name in Settings, and what the command line, the form and the help say about it.

    ``parse`` turns a text into the value. It raises ValueError that says what is expected instead.
    """

    name: str
    parse: Callable[[str], Any]
    help: str
    metavar: str = ""
    choices: tuple[str, ...] = ()
    section: str = "Load"
    in_form: bool = True
    switch: bool = False  # on the command line it takes no value
    joined_by: str = ""
    """It may be given several times; its values are joined by this."""

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    def parse_given(self, text: str) -> Any:
        """The value of a text that a person gave. Raises UsageError."""
        try:
            return self.parse(text)
        except ValueError as error:
            raise UsageError(f"{self.flag} {text}: must be {error}", self.help) from None


def _whole(minimum: int, maximum: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"-?\d{1,9}", text.strip()) or not minimum <= int(text) <= maximum:
            raise ValueError(f"a whole number from {minimum} to {maximum}")
        return int(text)

    return parse


def _seconds(minimum: float, maximum: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not minimum <= value <= maximum:
            raise ValueError(f"a number of seconds from {minimum:g} to {maximum:g}")
        return value

    return parse


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in choices:
            near = get_close_matches(text, choices, 1)
            raise ValueError(f"one of {', '.join(choices)}" + (f"; did you mean {near[0]}?" if near else ""))
        return text

    return parse


def _import_string(text: str) -> str:
    if MODULE.fullmatch(text) and not text.endswith(".py"):
        return f"{text}:application"  # as gunicorn has it
    if not IMPORT_STRING.fullmatch(text) or not text.isprintable():
        raise ValueError("an import string, module:attribute, or module:factory()")
    return text


def _host(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ValueError("an IP address of this machine") from None


def _place(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError("a file or a folder")
    return text


def _switch(text: str) -> bool:
    if text.lower() not in ("yes", "true", "no", "false"):
        raise ValueError("yes or no")
    return text.lower() in ("yes", "true")


def _lints(text: str) -> str:
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in lint_names.NAMES:
            near = get_close_matches(name, lint_names.NAMES, 1)
            raise ValueError("a lint's name" + (f"; did you mean {near[0]}?" if near else ""))
    return ",".join(names)


def _dsn(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError("a PostgreSQL connection string")
    return text


MOST_REQUESTS = 100_000

DSN_GIVEN = "given"
"""Stands for a connection string, which may hold a password, wherever settings are shown, logged or recorded."""

ARRIVALS = ("burst", "closed")
ORDERS = ("together", "in-turn")
SIDES = ("wsgi", "asgi")
WSGI_KINDS = ("sync", "gthread", "gevent")
ASGI_KINDS = ("asgi", "uvicorn")
EXTRAS = ("gevent", "uvicorn")
KINDS = WSGI_KINDS + ASGI_KINDS
"""Kinds of servers: gunicorn's worker classes, and uvicorn."""

SMALLEST_TERMINAL = (60, 16)
"""Columns and lines that the live screen needs."""

OPTIONS = (
    Option("workers", _whole(1, 64), "worker processes of the WSGI server", "N", section="Servers"),
    Option("right_workers", _whole(1, 64), "worker processes of the right pane, where both speak one protocol", "N",
           section="Servers"),
    Option("async_workers", _whole(1, 16), "worker processes of the ASGI server", "N", section="Servers"),
    Option("threads", _whole(1, 64), "threads per WSGI worker; more than 1 turns sync into gthread", "N",
           section="Servers"),
    Option("worker_class", _one_of(*WSGI_KINDS), "gunicorn's worker class for WSGI", choices=WSGI_KINDS,
           section="Servers"),
    Option("async_server", _one_of("gunicorn", "uvicorn"), "the ASGI server", choices=("gunicorn", "uvicorn"),
           section="Servers"),
    Option("left", _one_of(*KINDS), "server in the left pane", choices=KINDS, section="Servers"),
    Option("right", _one_of(*KINDS), "server in the right pane", choices=KINDS, section="Servers"),
    Option("only", _one_of(*SIDES), "run one side alone", choices=SIDES, section="Servers"),
    Option("python", _place, "the Python, or virtual environment, that your own app runs in", "PATH",
           section="App", in_form=False),
    Option("gunicorn_conf", _place, "your gunicorn.conf.py: its settings apply, its hooks run beside ours", "FILE",
           section="gunicorn", in_form=False),
    Option("preload", _switch, "load the app before workers are forked", choices=("yes", "no"), section="gunicorn",
           switch=True),
    Option("max_requests", _whole(0, 1_000_000), "restart a worker after so many requests; 0: never", "N",
           section="gunicorn"),
    Option("keep_alive", _whole(0, 3_600), "seconds for which an idle connection is kept", "S", section="gunicorn"),
    Option("worker_connections", _whole(1, 100_000), "connections that a gthread, gevent or asgi worker holds", "N",
           section="gunicorn"),
    Option("server_timeout", _whole(1, 3_600), "gunicorn's --timeout: how long a worker may be silent", "S",
           section="gunicorn"),
    Option("host", _host, "address to listen on; anything but loopback opens the app to others", "ADDRESS",
           section="Servers", in_form=False),
    Option("requests", _whole(1, MOST_REQUESTS), "requests per run, to each side", "N"),
    Option("arrivals", _one_of(*ARRIVALS), "burst: all at once; closed: users in a loop", choices=ARRIVALS),
    Option("concurrency", _whole(1, 5_000), "users for closed arrivals", "N"),
    Option("silent_clients", _whole(0, 500), "connections opened before the first request, which send nothing", "N"),
    Option("duration", _seconds(0.1, 86_400), "end closed arrivals after this many seconds", "S"),
    Option("reuse_connections", _switch, "a user's next request goes over the same connection (HTTP keep-alive)",
           choices=("yes", "no"), switch=True),
    Option("order", _one_of(*ORDERS), "both sides together, or ASGI after WSGI", choices=ORDERS),
    Option("timeout", _seconds(0.1, 3_600), "the client gives up on a request after this many seconds", "S"),
    Option("ready_timeout", _seconds(0.1, 3_600), "seconds that the servers may take to start", "S",
           section="Servers", in_form=False),
    Option("silence", _lints, "lints to silence; wsgiviz lints lists them", "NAME,...", section="View"),
    Option("wsgi", _import_string, "your own WSGI app", "MODULE:APP", section="App"),
    Option("asgi", _import_string, "your own ASGI app", "MODULE:APP", section="App"),
    Option("path", asking.parse_paths, "what to request from your own app; may be given several times",
           "[WEIGHT:]/PATH", section="App", joined_by=" "),
    Option("method", asking.parse_method, "the method; by default GET, or POST with a body", "METHOD", section="App"),
    Option("header", asking.parse_headers, "a header to send; may be given several times", '"NAME: VALUE"',
           section="App", in_form=False, joined_by="\n"),
    Option("body", asking.parse_body, "the body to send, or the file that holds it", "TEXT|@FILE", section="App",
           in_form=False),
    Option("dsn", _dsn, "PostgreSQL instead of SQLite, for scenario db", "DSN", section="App", in_form=False),
)  # fmt: skip

GUNICORN_FLAGS = {
    "max_requests": "--max-requests",
    "keep_alive": "--keep-alive",
    "worker_connections": "--worker-connections",
}
OF_GUNICORN = ("gunicorn_conf", "preload", "server_timeout", *GUNICORN_FLAGS)
"""Options that uvicorn has no use for."""

OF_OWN_APP = ("path", "method", "header", "body", "python")
"""Options that a scenario has no use for."""

BY_NAME: Mapping[str, Option] = {option.name: option for option in OPTIONS}
