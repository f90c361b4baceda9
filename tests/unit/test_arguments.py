"""Options of one's own app on the command line: what has no effect is refused, and what is left out is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.controls import Control
from wsgiviz import cli
from wsgiviz.arguments import parse, settings_of
from wsgiviz.errors import UsageError
from wsgiviz.options import MOST_REQUESTS
from wsgiviz.own_app import protocol_of
from wsgiviz.settings import Settings, make

WITHOUT_EFFECT = [
    (("--asgi", "shop:app", "--workers", "3"), "--workers has no effect: no WSGI server runs"),
    (("--asgi", "shop:app", "--worker-class", "gthread"), "--worker-class has no effect"),
    (("--wsgi", "shop:app", "--async-workers", "2"), "--async-workers has no effect: no ASGI server runs"),
    (("--wsgi", "shop:app", "--async-server", "uvicorn"), "--async-server has no effect"),
    (("--wsgi", "shop:app", "--right", "uvicorn"), "--right has no effect: no app of yours fits it"),
    (("--wsgi", "shop:app", "--order", "in-turn"), "--order has no effect: only one server runs"),
    (("--wsgi", "shop:app", "--concurrency", "5"), "--concurrency has no effect"),
    (("--wsgi", "shop:app", "--keep-alive", "5"), "--keep-alive has no effect: a sync worker keeps no connection"),
    (
        ("--scenario", "websocket", "--arrivals", "closed", "--reuse-connections"),
        "a WebSocket carries no second request",
    ),
    (("--wsgi", "shop:app", "--reuse-connections"), "--reuse-connections needs --arrivals closed"),
    (("--wsgi", "shop:app", "--worker-connections", "5"), "--worker-connections has no effect"),
    (("--asgi", "shop:app", "--async-server", "uvicorn", "--preload"), "--preload is for gunicorn, and uvicorn runs"),
    (("--scenario", "sleep", "--python", "/usr/bin/python3"), "--python is for your own app"),
]


def asked(*options: str) -> Settings:
    return settings_of(parse(["run", *options]))


@pytest.mark.parametrize(("options", "message"), WITHOUT_EFFECT, ids=[message for _, message in WITHOUT_EFFECT])
def test_what_would_do_nothing_is_refused(options: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError) as refused:
        asked(*options)
    assert message in refused.value.message
    assert refused.value.hint


def test_what_has_an_effect_is_not_refused() -> None:
    asked("--wsgi", "a:b", "--workers", "2", "--worker-class", "gthread", "--threads", "2", "--keep-alive", "5")
    asked("--asgi", "a:b", "--async-workers", "2", "--worker-connections", "5", "--preload")
    asked("--left", "gthread", "--right", "uvicorn", "--order", "in-turn")
    asked("--wsgi", "a:b", "--arrivals", "closed", "--concurrency", "5", "--max-requests", "0")


def test_gunicorn_gets_what_was_given_and_nothing_else() -> None:
    assert make(wsgi="a:b").gunicorn_flags == ()
    flags = asked("--wsgi", "a:b", "--preload", "--max-requests", "9").gunicorn_flags
    assert flags == ("--preload", "--max-requests", "9")
    assert make(wsgi="a:b").servers != make(wsgi="a:b", preload=True).servers


def test_what_a_scenario_switches_on_can_be_switched_off() -> None:
    assert asked("--scenario", "keep-alive").reuse_connections
    assert not asked("--scenario", "keep-alive", "--no-reuse-connections").reuse_connections
    assert not asked("--scenario", "sleep", "--arrivals", "closed").reuse_connections


def test_a_module_alone_means_its_application() -> None:
    assert make(wsgi="shop.wsgi").wsgi == "shop.wsgi:application"


def test_a_duration_is_ended_by_the_time_alone() -> None:
    assert make(arrivals="closed", duration=5).requests == MOST_REQUESTS
    assert make(arrivals="closed", duration=5, requests=7).requests == 7


@pytest.fixture
def apps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "speaking.py").write_text(
        "def wsgi(environ, start_response): ...\n\n\nasync def asgi(scope, receive, send): ...\n\n\n"
        "class Odd:\n    def __call__(self, scope, receive, send): ...\n\n\nodd = Odd()\n\n\n"
        "def create_app():\n    return odd\n"
    )
    (tmp_path / "queue.py").write_text("raise SystemExit('not the standard library')\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "protocol"), [("wsgi", "wsgi"), ("asgi", "asgi"), ("odd", "asgi"), ("create_app()", "asgi")]
)
def test_which_protocol_an_app_speaks(apps: Path, name: str, protocol: str) -> None:
    assert protocol_of(f"speaking:{name}", None) == protocol


def test_an_app_that_can_not_be_loaded_is_named_with_a_hint(apps: Path) -> None:
    with pytest.raises(UsageError) as refused:
        protocol_of("speaking:app", None)
    assert "speaking:app" in refused.value.message
    assert "create_app()" in refused.value.hint


def test_a_folder_is_changed_and_files_stay_those_of_the_old_one(apps: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (apps / "inside").mkdir()
    ran: list[tuple[str, str | None]] = []

    def run_headless(settings: Settings, json: str | None, *others: object) -> int:
        ran.append((str(Path.cwd()), json))
        return 0

    monkeypatch.setattr("wsgiviz.report.headless.run_headless", run_headless)
    assert cli.run(["run", "--wsgi", "a:b", "--chdir", "inside", "--json", "out.json"]) == 0
    assert ran == [(str(apps / "inside"), str(apps / "out.json"))]
    assert cli.run(["run", "--wsgi", "a:b", "--chdir", "nowhere", "--headless"]) == 2


def test_nobody_reloads_a_server_that_is_not_ready() -> None:
    control = Control(wsgi="a:b", workers=1)
    control.controller.start()
    control.controller.reload()
    control.controller.add_worker()
    assert control.processes.signals == []
    control.get_ready()
    control.controller.reload()
    assert [number.name for _, number in control.processes.signals] == ["SIGHUP"]
