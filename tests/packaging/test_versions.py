"""Servers of other versions, in environments of their own (`tests.versions`): some of them here, all by
``make versions``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.versions import checks
from tests.versions.checks import Check, import_fails, in_order
from tests.versions.environments import Environments
from tests.versions.observed import APPS
from wsgiviz.control.host import describe_host
from wsgiviz.errors import UsageError
from wsgiviz.settings import check_installed, make


@pytest.fixture(scope="module")
def environments(index: None, tmp_path_factory: pytest.TempPathFactory) -> Environments:
    return Environments(tmp_path_factory.mktemp("versions"))


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The apps are here, and no run directory is left."""
    for name in ("XDG_RUNTIME_DIR", "TMPDIR"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.chdir(APPS)
    yield
    assert not list(tmp_path.glob("wsgiviz-*"))


ROWS: tuple[tuple[str, str, tuple[str, ...], tuple[Check, ...]], ...] = (
    ("gunicorn", "22.0.0", ("sync", "gevent"), (checks.leaves, checks.waits, checks.computes, checks.exits)),
    ("gunicorn", "23.0.0", ("sync", "gthread"), checks.CHECKS),
    ("gunicorn", "25.0.0", ("asgi",), (checks.waits, checks.holds, checks.crashes)),
    ("uvicorn", "0.30.0", ("uvicorn",), (checks.leaves, checks.waits, checks.holds, checks.exits)),
)


NAMES = [f"{package}-{version}-{'-'.join(kinds)}" for package, version, kinds, _ in ROWS]


@pytest.mark.parametrize(("package", "version", "kinds", "chosen"), ROWS, ids=NAMES)
def test_states_lines_loops_and_deaths(
    environments: Environments, package: str, version: str, kinds: tuple[str, ...], chosen: tuple[Check, ...]
) -> None:
    python = environments.python(package, version, gevent="gevent" in kinds)
    assert [*in_order(python, kinds, chosen)] == []


def test_an_import_that_fails_ends_the_start_under_gunicorn_23(environments: Environments) -> None:
    assert [*import_fails(environments.python("gunicorn", "23.0.0"), "sync")] == []


def test_the_report_names_the_versions_that_the_servers_are_of(environments: Environments) -> None:
    host = describe_host(str(environments.python("gunicorn", "23.0.0")))
    assert (host["gunicorn"], host["uvicorn"]) == ("23.0.0", None)


def test_what_it_lacks_is_refused_in_words(environments: Environments) -> None:
    python = str(environments.python("gunicorn", "23.0.0"))
    with pytest.raises(UsageError, match=r"gunicorn 23\.0\.0 has no asgi worker"):
        check_installed(make(asgi="acts:asgi_app", python=python))
    with pytest.raises(UsageError, match="uvicorn is not installed in"):
        check_installed(make(asgi="acts:asgi_app", async_server="uvicorn", python=python))
