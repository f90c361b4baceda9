"""Each documented way to install works alone, in a virtual environment that has nothing else."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.packaging.conftest import EXTRAS, ROOT, Installed

Install = Callable[[str], Installed]


def documented_extras(readme: str) -> set[str]:
    return {name for names in re.findall(r"wsgiviz\[([a-z,]+)\]", readme) for name in names.split(",")}


def test_these_are_all_extras_and_the_readme_has_them() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(project["optional-dependencies"]) == set(EXTRAS)
    assert documented_extras((ROOT / "README.md").read_text()) == set(EXTRAS)


def test_without_an_extra_both_sides_run(installed: Callable[[str], Installed]) -> None:
    sides = installed("wsgiviz").run()["sides"]
    assert {name: side["completed"] for name, side in sides.items()} == {"wsgi": 3, "asgi": 3}


@pytest.mark.parametrize(
    ("options", "extra"), [(("--worker-class", "gevent"), "gevent"), (("--async-server", "uvicorn"), "uvicorn")]
)
def test_without_its_extra_a_server_is_refused(installed: Install, options: tuple[str, ...], extra: str) -> None:
    done = installed("wsgiviz").call("wsgiviz", "run", "--headless", *options)
    assert done.returncode == 2
    assert f"wsgiviz[{extra}]" in done.stderr


def test_gevent(installed: Install) -> None:
    side = installed("wsgiviz[gevent]").run("--only", "wsgi", "--worker-class", "gevent")["sides"]["wsgi"]
    assert (side["worker_class"], side["completed"], side["failed"]) == ("gevent", 3, 0)


def test_uvicorn(installed: Install) -> None:
    side = installed("wsgiviz[uvicorn]").run("--only", "asgi", "--async-server", "uvicorn")["sides"]["asgi"]
    assert (side["server"], side["completed"], side["failed"]) == ("uvicorn", 3, 0)


def test_postgres_brings_a_driver_with_its_own_libpq(installed: Install) -> None:
    code = "import psycopg, demo_apps.db; print(psycopg.pq.__impl__)"
    done = installed("wsgiviz[postgres]").call("python", "-c", code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "binary\n", "")


def test_the_environments_hold_no_more_than_they_should(installed: Install, tmp_path: Path) -> None:
    """Else they could not show what an extra lacks."""
    find = "from importlib.util import find_spec; print([n for n in {!r} if find_spec(n)])"
    names = ["pip", "setuptools", "pytest", "packaging", "gevent", "uvicorn", "psycopg"]
    for requirement, expected in [("wsgiviz", []), ("wsgiviz[uvicorn]", ["uvicorn"])]:
        done = installed(requirement).call("python", "-c", find.format(names))
        assert done.stdout == f"{expected}\n", done.stderr
