"""A person's own gunicorn.conf.py: what it decides, its hooks beside ours, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.histories import BOOTED, PID, ns, started, wsgi
from wsgiviz.analysis.deaths import cause
from wsgiviz.errors import UsageError
from wsgiviz.events import WorkerDied, WorkerExited
from wsgiviz.own_conf import not_used, with_conf
from wsgiviz.probe.conf_chain import chained
from wsgiviz.settings import Settings, make


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    return tmp_path / "gunicorn.conf.py"


def read(conf: Path, text: str, given: frozenset[str] = frozenset(), **others: Any) -> tuple[Settings, str]:
    conf.write_text(text)
    return with_conf(make(**{"wsgi": "shop:app", **others}, gunicorn_conf=str(conf)), given)


def test_what_it_decides_is_known_before_the_servers_start(conf: Path) -> None:
    settings, said = read(conf, "import os\nworkers = 1 + 2\nthreads = 4\nworker_class = 'gthread'\nprint('hello')\n")
    assert (settings.workers, settings.threads, settings.kinds, said) == (3, 4, {"wsgi": "gthread"}, "")


def test_the_command_line_goes_first_as_with_gunicorn(conf: Path) -> None:
    settings, _ = read(conf, "workers = 3\n", frozenset({"workers"}), workers=2)
    assert settings.workers == 2


def test_what_wsgiviz_sets_itself_is_said(conf: Path) -> None:
    _, said = read(conf, "bind = '0.0.0.0:80'\ndaemon = False\n")
    assert said.endswith("bind (wsgiviz sets it)")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("certfile = 'x.pem'", "sets certfile: the load driver speaks plain HTTP"),
        ("worker_class = 'tornado'", "sets worker_class tornado, which the probe does not know"),
        ("raise LookupError('no SECRET_KEY')", "LookupError: no SECRET_KEY"),
        ("import sys; sys.exit(3)", "it ended the interpreter"),
    ],
)
def test_what_can_not_be_used_is_refused_in_words(conf: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError) as refused:
        read(conf, text)
    assert message in refused.value.message


def test_a_configuration_that_is_there_and_not_used_is_named(conf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(conf.parent)
    monkeypatch.delenv("GUNICORN_CMD_ARGS", raising=False)
    assert not_used() == ""
    conf.write_text("")
    monkeypatch.setenv("GUNICORN_CMD_ARGS", "--workers 3")
    assert not_used().startswith("gunicorn.conf.py and GUNICORN_CMD_ARGS: there, and not used")


KNOWN = frozenset({"when_ready", "child_exit", "pre_request", "max_requests", "bind"})


def test_hooks_of_both_run_ours_first_unless_they_end_a_stage() -> None:
    order: list[str] = []
    ours = {name: lambda *args, name=name: order.append(f"our {name}") for name in ("when_ready", "child_exit")}
    theirs = {name: lambda *args, name=name: order.append(f"their {name}") for name in (*ours, "pre_request")}
    both = chained(dict(ours), {**theirs, "max_requests": 7, "bind": ":80", "helper": 1}, KNOWN)
    assert set(both) == {"when_ready", "child_exit", "pre_request", "max_requests"}
    both["when_ready"](None)
    both["child_exit"](None, None)
    assert order == ["their when_ready", "our when_ready", "our child_exit", "their child_exit"]


def test_a_hook_that_raises_does_not_keep_ours_from_recording() -> None:
    order: list[str] = []

    def raises(*args: Any) -> None:
        raise LookupError("theirs")

    both = chained({"child_exit": lambda *args: order.append("our")}, {"child_exit": raises}, KNOWN)
    with pytest.raises(LookupError):
        both["child_exit"](None, None)
    assert order == ["our"]


@pytest.mark.parametrize(("recycled", "words"), [(1, "recycled after its max_requests"), (0, "exited")])
def test_a_worker_that_has_served_its_max_requests_is_recycled(recycled: int, words: str) -> None:
    gone = [WorkerExited(ns(50), "wsgi", PID, recycled), WorkerDied(ns(51), "wsgi", 9, PID, 0, 0)]
    side = wsgi(BOOTED, started(), gone)
    [worker] = side.server.workers.values()
    assert (side.run.recycled, side.server.deaths, cause(worker, side).words) == (recycled, 0, words)
