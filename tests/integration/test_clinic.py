"""Each symptom is there, and its fix takes it away, on real servers; the apps keep their protocols."""

from __future__ import annotations

import asyncio
import importlib
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.integration.in_process import wsgiviz
from tests.integration.test_demo_apps import ask_asgi, ask_wsgi
from tests.shelves import CLINIC
from wsgiviz.scenarios import Choice, Scenario, symptoms

pytestmark = pytest.mark.xdist_group("clinic")  # its checks hold on a machine of which one core is busy


@pytest.mark.parametrize("name", [case.name for case in CLINIC.lessons])
def test_what_a_case_says_holds_of_symptom_and_fix(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("XDG_RUNTIME_DIR", "TMPDIR"):
        monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    done = wsgiviz("clinic", name, "--check", "--json", "-")
    assert done.returncode == 0, done.stderr
    [case] = json.loads(done.stdout)["lessons"]
    skipped = {run["skipped"] for run in case["runs"]} - {None}
    assert not skipped or (name == "gevent-stops" and find_spec("gevent") is None)
    assert case["holds"]
    assert not list(tmp_path.glob("wsgiviz-*")), "a run directory is left"


def requests(scenario: Scenario) -> list[tuple[str, str]]:
    """Each path with each word of ``fix``, as path and query; without waiting."""
    words = [word for parameter in scenario.parameters if isinstance(parameter, Choice) for word in parameter.words]
    return [
        (path, urlencode({"seconds": "0.02", "fix": word})) for _, path in scenario.paths for word in words or ["no"]
    ]


def loaded(scenario: Scenario) -> Any:
    return importlib.import_module((scenario.wsgi or scenario.asgi).partition(":")[0])


@pytest.mark.parametrize(
    "scenario", [scenario for scenario in symptoms() if scenario.wsgi], ids=lambda scenario: scenario.name
)
def test_the_wsgi_app_is_valid_whichever_fix_is_chosen(scenario: Scenario) -> None:
    module = loaded(scenario)
    if scenario.name == "hangs-booting":
        module.create_app("yes")
    for path, query in requests(scenario):
        if scenario.name == "self-call" and "fix=no" in query:
            path = "/price"  # the other one needs a server
        status, headers, content = ask_wsgi(module.wsgi_app, query, path)
        assert status == "200 OK"
        assert headers["content-type"].startswith("text/plain")
        assert content.endswith(b"\n") or not content


@pytest.mark.parametrize(
    "scenario", [scenario for scenario in symptoms() if scenario.asgi], ids=lambda scenario: scenario.name
)
def test_the_asgi_app_answers_whichever_fix_is_chosen(scenario: Scenario) -> None:
    for path, query in requests(scenario):
        start, *bodies = asyncio.run(ask_asgi(loaded(scenario).asgi_app, query, path))
        assert (start["type"], start["status"]) == ("http.response.start", 200)
        assert not bodies[-1].get("more_body")
