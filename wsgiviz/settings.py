"""Settings: frozen and validated, made of the options that were given."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from importlib.util import find_spec
from typing import Any

from wsgiviz import asking, scenarios
from wsgiviz.errors import NotInstalled, UsageError
from wsgiviz.options import (
    BY_NAME,
    DSN_GIVEN,
    EXTRAS,
    GUNICORN_FLAGS,
    MOST_REQUESTS,
    OF_GUNICORN,
    OF_OWN_APP,
    WSGI_KINDS,
)
from wsgiviz.scenarios import Cost, Scenario, Value


@dataclass(frozen=True, slots=True)
class Settings:
    """What to run. `make` makes it of values by name and validates them; `changed` changes some."""

    scenario: str = "sleep"
    parameters: Mapping[str, Value] = field(default_factory=dict)
    wsgi: str | None = None
    asgi: str | None = None
    path: str = "/"
    method: str | None = None
    header: str | None = None
    body: str | None = None
    workers: int = 4
    async_workers: int = 1
    right_workers: int | None = None
    worker_class: str = "sync"
    async_server: str = "gunicorn"
    threads: int = 1
    left: str | None = None
    right: str | None = None
    requests: int = 20
    concurrency: int = 20
    arrivals: str = "burst"
    duration: float | None = None
    reuse_connections: bool = False
    order: str = "together"
    timeout: float = 60.0
    ready_timeout: float = 30.0
    only: str | None = None
    dsn: str | None = None
    host: str = "127.0.0.1"
    silent_clients: int = 0
    silence: str = ""
    python: str | None = None
    gunicorn_conf: str | None = None
    preload: bool = False
    max_requests: int | None = None
    keep_alive: int | None = None
    worker_connections: int | None = None
    server_timeout: int | None = None

    @property
    def own_app(self) -> bool:
        """The user's own app runs, not a scenario."""
        return bool(self.wsgi or self.asgi)

    @property
    def timed_s(self) -> float | None:
        """After so many seconds a run ends, and not with a number of requests; None where a number ends it."""
        return self.duration if self.requests == MOST_REQUESTS else None

    @property
    def scenario_used(self) -> Scenario | None:
        """The scenario, or None when the app is the user's own."""
        return None if self.own_app else scenarios.find(self.scenario)

    @property
    def name(self) -> str:
        """What runs, in a word: the scenario, or the import strings."""
        return " | ".join(app for app in (self.wsgi, self.asgi) if app) if self.own_app else self.scenario

    @property
    def calls(self) -> tuple[str, str]:
        """What a request waits in, on either side; import strings for the user's own apps."""
        scenario = self.scenario_used
        return scenario.calls(self.parameters) if scenario else (self.wsgi or "", self.asgi or "")

    @property
    def kinds(self) -> dict[str, str]:
        """The kind of server of each side that runs, left to right: those that the app can run on."""
        right = "uvicorn" if self.async_server == "uvicorn" else "asgi"
        first, second = self.left or self._with_threads(self.worker_class), self.right or right
        names = protocol(first), protocol(second)
        named = {names[0]: first, names[1] + ("2" if names[0] == names[1] else ""): second}
        if self.only:
            named = {name: kind for name, kind in named.items() if protocol(kind) == self.only}
        return {name: kind for name, kind in named.items() if self._has_app(protocol(kind))}

    def _with_threads(self, kind: str) -> str:
        """gunicorn makes a sync worker with threads a gthread one."""
        return "gthread" if kind == "sync" and self.threads > 1 else kind

    @property
    def sides(self) -> tuple[str, ...]:
        """Names of the sides that run."""
        return tuple(self.kinds)

    def target(self, side: str) -> str:
        """The import string of that side's app."""
        return self._app(protocol(self.kinds[side]))

    def _app(self, speaks: str) -> str:
        scenario = self.scenario_used
        if scenario is not None:
            return scenario.app(speaks, self.parameters)
        return (self.wsgi if speaks == "wsgi" else self.asgi) or ""

    def _has_app(self, speaks: str) -> bool:
        """Known before the parameters are, which a scenario's import strings may hold."""
        source = self.scenario_used or self
        return bool(source.wsgi if speaks == "wsgi" else source.asgi)

    def processes(self, side: str) -> int:
        """Worker processes that its server starts with."""
        if side.endswith("2") and self.right_workers is not None:
            return self.right_workers
        return self.workers if protocol(self.kinds[side]) == "wsgi" else self.async_workers

    def threads_of(self, side: str) -> int:
        """Threads of each of its workers that serve requests."""
        return self.threads if self.kinds[side] == "gthread" else 1

    def call(self, side: str) -> str:
        """What a request waits in on that side."""
        return self.calls[0 if protocol(self.kinds[side]) == "wsgi" else 1]

    @property
    def request_paths(self) -> tuple[tuple[int, str], ...]:
        """The paths that are requested, each with its weight."""
        scenario = self.scenario_used
        return scenario.weighted_paths(self.parameters) if scenario else asking.weighted(self.path)

    @property
    def request_path(self) -> str:
        """The first of them."""
        return self.request_paths[0][1]

    @property
    def request_method(self) -> str:
        return self.method or ("POST" if self.body else "GET")

    @property
    def secrets(self) -> dict[str, str | None]:
        """What may hold a password, by name."""
        return {"dsn": self.dsn, "header": self.header, "body": self.body}

    @property
    def hidden(self) -> dict[str, str | None]:
        """The same as it is shown, logged and recorded: that it was given, and the names of headers and files."""
        return hidden(self.secrets)

    def scenario_seconds(self, field: str) -> float:
        """The scenario's ``send_over``, ``read_over``, ``close_over`` or ``server_timeout``; 0 where it has none."""
        scenario = self.scenario_used
        return scenario.seconds(self.parameters, getattr(scenario, field)) if scenario else 0.0

    def cost(self, cores: int | None = None) -> Cost | None:
        """What one of the scenario's requests costs, as `Scenario.cost`; None for an app of one's own, and for a
        database server: it computes for all of them, maybe on the same cores, and only it knows how it shares them
        out."""
        scenario = self.scenario_used
        return scenario.cost(self.parameters, cores) if scenario is not None and not self.dsn else None

    @property
    def websocket(self) -> bool:
        """Each request is a WebSocket's handshake, and lasts as long as that is open."""
        scenario = self.scenario_used
        return scenario is not None and scenario.websocket

    @property
    def silenced(self) -> frozenset[str]:
        """Names of the lints that are silenced."""
        return frozenset(self.silence.split(",")) - {""}

    @property
    def loopback(self) -> bool:
        """Only this machine can reach the apps."""
        return ipaddress.ip_address(self.host).is_loopback

    @property
    def servers(self) -> tuple[object, ...]:
        """What the servers are started with: settings that differ in it need a restart."""
        apps = tuple((side, self.target(side)) for side in self.sides)
        kinds = tuple(self.kinds.items())
        kinds += (("timeout", str(self.scenario_seconds("server_timeout"))),)
        others = self.right_workers, self.python, self.gunicorn_conf, self.gunicorn_flags, self.server_timeout
        return apps, kinds, self.workers, self.async_workers, self.threads, self.dsn, self.host, others

    @property
    def gunicorn_flags(self) -> tuple[str, ...]:
        """Options of gunicorn's own; what is not given stays as gunicorn, or its configuration, has it."""
        given = {flag: getattr(self, name) for name, flag in GUNICORN_FLAGS.items()}
        valued = [text for flag, value in given.items() if value is not None for text in (flag, str(value))]
        return (*(["--preload"] if self.preload else []), *valued)

    def changed(self, **given: Any) -> Settings:
        """These settings with some of them changed, validated again. Raises UsageError.

        What belongs to a scenario, or to the user's own app, goes with it unless it is given too.
        """
        merged = self._values() | given
        own_app = bool(merged["wsgi"] or merged["asgi"])
        other_scenario = merged["scenario"] != self.scenario
        other = other_scenario or own_app != self.own_app
        belong = self.belong_to_scenario(str(merged["scenario"])) if other else frozenset()
        leaves = {
            "parameters": own_app or other_scenario,
            **dict.fromkeys(belong, True),
            **dict.fromkeys(OF_OWN_APP, not own_app),
            "dsn": own_app or other_scenario,
        }
        for kind in ("worker_class", "async_server"):  # as ever: it does not speak against the scenario's own servers
            leaves[kind] = other_scenario and merged[kind] == getattr(Settings(), kind)
        if merged["threads"] == scenarios.find(str(merged["scenario"])).settings.get("threads"):
            leaves["threads"] = True  # it comes again where a server with threads runs
        return make(**{name: merged[name] for name in merged if name in given or not leaves.get(name)})

    def belong_to_scenario(self, other: str) -> frozenset[str]:
        """Names of settings for which this scenario, or the ``other`` one, has defaults of its own; each has its
        own number of requests."""
        return frozenset({"requests", *scenarios.find(self.scenario).settings, *scenarios.find(other).settings})

    def given(self) -> dict[str, Any]:
        """Plain names and values of which `make` makes the same settings again, but for what may hold a password
        (`hidden`), since this is what is logged and recorded."""
        found = self._values() | {"parameters": dict(self.parameters)} | self.hidden
        return {name: value for name, value in found.items() if value is not None}

    def _values(self) -> dict[str, Any]:
        return {entry.name: getattr(self, entry.name) for entry in fields(self)}


def hidden(given: Mapping[str, Any]) -> dict[str, Any]:
    """``given`` settings by name, with nothing in them that may hold a password. Takes what a recording holds."""
    shown = dict(given)
    if shown.get("dsn"):
        shown["dsn"] = DSN_GIVEN
    if shown.get("header"):
        shown["header"] = asking.hidden_headers(str(shown["header"]))
    if shown.get("body"):
        shown["body"] = asking.hidden_body(str(shown["body"]))
    return shown


def protocol(kind: str) -> str:
    """What a kind of server speaks with its app: "wsgi" or "asgi"."""
    return "wsgi" if kind in WSGI_KINDS else "asgi"


def make(**given: Any) -> Settings:
    """Settings from values or texts by name; None and what is missing get their defaults. Raises UsageError.

    Pure: what is installed is another question (`check_installed`). ``parameters`` maps the names of the scenario's
    parameters to texts or values. What comes from a recording may be anything, and is refused in words as well.
    """
    parameters = _texts(given.pop("parameters", None) or {})
    values = {name: _value(name, value) for name, value in given.items() if value is not None}
    settings = Settings(**values)
    scenario = settings.scenario_used
    if scenario is None:
        if parameters:
            raise UsageError("--set is for scenarios, and your own app is run", "use --path instead")
    else:
        settings = _with_own(replace(settings, parameters=scenario.values(parameters)), scenario, values)
    if settings.duration is not None and "requests" not in values:
        settings = replace(settings, requests=MOST_REQUESTS)  # the time ends it, and nothing else
    _check_together(settings)
    return settings


def _with_own(settings: Settings, scenario: Scenario, given: Mapping[str, Any]) -> Settings:
    """``settings`` with the scenario's own defaults, as far as they fit what was ``given``."""
    own = {name: _value(name, value) for name, value in scenario.settings.items() if name not in given}
    for pane, kind in (("left", "worker_class"), ("right", "async_server")):
        if kind in given:
            own.pop(pane, None)
    found = replace(settings, **own)
    if "threads" in own and "gthread" not in found.kinds.values():
        found = replace(found, threads=1)
    return found


def _texts(parameters: object) -> dict[str, str]:
    if not isinstance(parameters, Mapping):
        raise UsageError("the parameters are no names with values", "for example seconds=0.5")
    return {str(name): str(value) for name, value in parameters.items()}


def _value(name: str, value: Any) -> Any:
    if name == "scenario":
        return scenarios.find(str(value)).name
    if name not in BY_NAME:
        raise UsageError(f"there is no setting {name!r}", f"there are {', '.join(BY_NAME)}")
    return BY_NAME[name].parse_given(str(value))


def check_installed(settings: Settings) -> None:
    """Whether the kinds of servers are installed here. Raises UsageError with the command that installs one;
    NotInstalled for an extra of ours."""
    from wsgiviz.interpreter import check_own_build, check_servers, executable, look_at

    if settings.python:
        check_servers(look_at(executable(settings.python)), tuple(settings.kinds.values()))
        return
    check_own_build()
    for kind in settings.kinds.values():
        if kind in EXTRAS and find_spec(kind) is None:
            raise NotInstalled(f"{kind} is not installed", f'pip install "wsgiviz[{kind}]"')


def _check_together(settings: Settings) -> None:
    """What is wrong only in combination."""
    if not settings.kinds:
        if settings.only:
            hint = f"scenario {settings.name} has no {settings.only.upper()} app: drop --only"
            if settings.own_app:
                hint = f"give the app as --{settings.only}, or drop --only"
            raise UsageError(f"--only {settings.only} leaves nothing to run", hint)
        raise UsageError("no pane has a server for this app", "see --left and --right")
    if settings.threads > 1 and "gthread" not in settings.kinds.values():
        raise UsageError(f"--threads {settings.threads} needs worker class gthread", "add --worker-class gthread")
    defaults = Settings()
    for name in OF_OWN_APP:
        if not settings.own_app and getattr(settings, name) != getattr(defaults, name):
            raise UsageError(f"{BY_NAME[name].flag} is for your own app", "a scenario takes --set KEY=VALUE")
    for name in OF_GUNICORN:
        if getattr(settings, name) not in (None, False) and set(settings.kinds.values()) == {"uvicorn"}:
            raise UsageError(f"{BY_NAME[name].flag} is for gunicorn, and uvicorn runs", "drop one of them")
    if settings.duration is not None and settings.arrivals != "closed":
        raise UsageError("--duration needs --arrivals closed", "a burst ends with its last response")
    if settings.reuse_connections and settings.arrivals != "closed":
        raise UsageError("--reuse-connections needs --arrivals closed", "in a burst each client asks once")
    if settings.dsn and (settings.own_app or settings.scenario != "db"):
        raise UsageError("--dsn is for scenario db", "add --scenario db")
