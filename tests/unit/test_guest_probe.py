"""The probe in a person's own server: what it adds to gunicorn, when it says something, and when it stays away."""

from __future__ import annotations

import ast
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from wsgiviz.control import guest
from wsgiviz.probe import guest_gunicorn, guest_site
from wsgiviz.probe.known_servers import knows
from wsgiviz.recorder import served
from wsgiviz.recorder.rundir import room_for


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    words: list[str] = []
    monkeypatch.setitem(sys.modules, "wsgiviz_site", SimpleNamespace(say_once=words.append))
    return words


@pytest.mark.parametrize(
    ("first_line", "flags"),
    [
        ("#!/usr/bin/python3 -sE", "-E"),
        ("#!/usr/bin/env python3", ""),
        ("#!/usr/bin/python3 -I -S", "-I and -S"),
        ("#!/bin/sh -E", ""),
        ("\x7fELF", ""),
    ],
)
def test_a_script_whose_python_ignores_its_environment_is_known_by_its_first_line(
    tmp_path: Path, first_line: str, flags: str
) -> None:
    script = tmp_path / "server"
    script.write_text(f"{first_line}\nimport this\n")
    script.chmod(0o755)
    found = guest._obstacle([str(script), "-E"])
    assert found.startswith(f"{flags} keeps the probe out") if flags else not found


class Cfg:
    """What gunicorn's Config has of hooks."""

    preload_app = False

    def __init__(self, order: list[str]) -> None:
        for name in guest_gunicorn.HOOKS:
            setattr(self, name, lambda *args, name=name: order.append(f"their {name}"))

    def set(self, name: str, hook: Any) -> None:
        setattr(self, name, hook)


def arbiter(cfg: Cfg) -> Any:
    kind = type("Arbiter", (), {"cfg": guest_gunicorn.Attribute("cfg", guest_gunicorn._add_hooks)})
    made: Any = kind()
    made.cfg = cfg
    return made


@pytest.mark.parametrize("name", guest_gunicorn.HOOKS)
def test_a_hook_of_ours_runs_beside_theirs(name: str, said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    ours = SimpleNamespace(**{name: lambda *args: order.append(f"our {name}")})
    monkeypatch.setattr(guest_gunicorn, "_hooks", lambda server: ours)
    server = arbiter(Cfg(order))
    getattr(server.cfg, name)(server)
    first, second = ("their", "our") if name in ("when_ready", "post_worker_init") else ("our", "their")
    assert order == [f"{first} {name}", f"{second} {name}"]
    assert not said


@pytest.mark.parametrize("name", guest_gunicorn.HOOKS)
def test_a_fault_in_a_hook_of_ours_is_said_and_theirs_runs(
    name: str, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(*args: Any) -> None:
        raise RuntimeError("a fault")

    order: list[str] = []
    monkeypatch.setattr(guest_gunicorn, "_hooks", lambda server: SimpleNamespace(**{name: fault}))
    server = arbiter(Cfg(order))
    getattr(server.cfg, name)(server)
    assert order == [f"their {name}"]
    assert said == ["the probe is not in: RuntimeError: a fault"]


def test_a_fault_of_theirs_is_theirs(said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(*args: Any) -> None:
        raise RuntimeError("their own")

    monkeypatch.setattr(guest_gunicorn, "_hooks", lambda server: None)
    cfg = Cfg([])
    cfg.on_starting = fault  # type: ignore[attr-defined]
    server = arbiter(cfg)
    with pytest.raises(RuntimeError, match="their own"):
        server.cfg.on_starting(server)
    assert not said


def test_an_unknown_class_of_workers_is_left_alone(said: list[str]) -> None:
    order: list[str] = []
    server = arbiter(Cfg(order))
    server.worker_class = type("Unheard", (), {"__module__": "of"})
    server.cfg.on_starting(server)
    assert order == ["their on_starting"]
    assert said == ["of.Unheard is a worker class that the probe does not know: it runs as without wsgiviz"]


def test_an_attribute_that_is_not_there_is_not_there() -> None:
    kind = type("Arbiter", (), {"cfg": guest_gunicorn.Attribute("cfg", lambda *args: None)})
    assert not hasattr(kind(), "cfg")


@pytest.mark.parametrize(
    ("package", "version", "known"),
    [
        ("gunicorn", "22.0.0", True), ("gunicorn", "27.9.dev1", True), ("gunicorn", "21.2.0", False),
        ("gunicorn", "28.0", False), ("gunicorn", "", True), ("uvicorn", "0.30.0", True),
        ("uvicorn", "0.29.9", False), ("uvicorn", "1.0", False), ("uvicorn", "unknown", True),
    ],
)  # fmt: skip
def test_versions(package: str, version: str, known: bool) -> None:
    assert knows(package, version) == known


def test_it_is_said_once_for_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WSGIVIZ_RUN_DIR", str(tmp_path))
    for words in ("ä/1", "ä/1", "other"):
        guest_site.say_once(words)
    assert capsys.readouterr().err == "wsgiviz: ä/1\nwsgiviz: other\n"


@pytest.mark.parametrize("module", ["hypercorn", "waitress", "waitress.server", "daphne.server", "granian"])
def test_the_mere_import_of_another_server_says_nothing(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(guest_site, "say_once", said.append)
    assert guest_site.Waiting().find_spec(module) is None
    assert not said


@pytest.mark.parametrize("module", guest_site.OTHERS)
def test_another_server_that_serves_is_named(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(guest_site, "say_once", said.append)
    assert guest_site.Waiting().find_spec(module) is None
    name = module.partition(".")[0]
    assert said == [f"{name} is a server that the probe does not know: it runs as without wsgiviz"]


def test_a_python_of_the_command_that_is_old_reads_our_sitecustomize() -> None:
    assert guest_site.__file__
    source = Path(guest_site.__file__).read_text()
    tree = ast.parse(source, feature_version=(3, 6))
    futures = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "__future__"]
    assert not futures  # `annotations` is not known before 3.7


def test_a_home_without_room_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full, roomy = tmp_path / "full", tmp_path / "roomy"
    monkeypatch.setattr(served, "homes", lambda: [full, roomy])
    monkeypatch.setattr(served, "room_for", lambda home, rings: room_for(home, rings if home == roomy else 1 << 40))
    about = served.About(1, 1, "now", ("gunicorn",), "/")
    assert served.create(about).parent == roomy
    assert not list(full.iterdir())


def test_where_no_home_has_room_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served, "homes", lambda: [tmp_path])
    tmp_path.chmod(0o700)
    monkeypatch.setattr(served, "FIRST_RINGS", 1 << 40)
    with pytest.raises(OSError, match="No space left on device"):
        served.create(served.About(1, 1, "now", ("gunicorn",), "/"))
    assert not list(tmp_path.iterdir())


def test_exec_leaves_an_outer_exec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("WSGIVIZ_HOME", str(home))
    outer = served.create(served.About(os.getpid(), 1, "now", ("sh",), "/"))
    before = guest.environment({"PYTHONPATH": "/mine", "WSGIVIZ_HOME": str(home)}, outer, redact=True)
    assert guest._leave_outer(before)
    assert before == {"PYTHONPATH": "/mine", "WSGIVIZ_HOME": str(home)}
    assert not outer.exists()


def test_what_another_process_has_prepared_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("WSGIVIZ_HOME", str(home))
    outer = served.create(served.About(os.getppid(), 1, "now", ("sh",), "/"))
    guest._leave_outer(guest.environment({}, outer))
    assert outer.exists()
