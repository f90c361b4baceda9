"""What the sdist and the wheel contain."""

from __future__ import annotations

import email
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.packaging.conftest import ROOT
from wsgiviz import __version__


@pytest.fixture
def archive(wheel: Path) -> Iterator[zipfile.ZipFile]:
    with zipfile.ZipFile(wheel) as opened:
        yield opened


def readme_links() -> set[str]:
    """Paths in the project that README.md refers to, as a picture or a link."""
    targets = re.findall(r"\]\(([^)#\s]+)", (ROOT / "README.md").read_text())
    return {target for target in targets if "://" not in target}


def test_the_sdist_has_what_the_readme_refers_to(unpacked: Path) -> None:
    links = readme_links()
    assert {link for link in links if link.endswith(".png")}, "no picture found in the README: is this test right?"
    assert not {link for link in links if not (unpacked / link).exists()}


@pytest.mark.parametrize(
    "path",
    [
        "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md", "pyproject.toml",
        "requirements.lock", ".pre-commit-config.yaml", ".ci/run", ".ci/with-postgres", "tests/conftest.py",
        "screenshots/make.py",
    ],
)  # fmt: skip
def test_the_sdist_is_a_project_that_one_can_work_on(unpacked: Path, path: str) -> None:
    assert (unpacked / path).is_file()


def test_the_sdist_has_nothing_that_was_only_made_here(unpacked: Path) -> None:
    made = {"__pycache__", ".venv", ".hypothesis", ".mypy_cache", ".pytest_cache", ".ruff_cache", "dist"}
    assert not [path for path in unpacked.rglob("*") if path.name in made or path.suffix == ".pyc"]


def test_the_wheel_has_every_module_and_data_file(archive: zipfile.ZipFile, unpacked: Path) -> None:
    sources = {
        str(path.relative_to(unpacked))
        for package in ("wsgiviz", "demo_apps")
        for path in (unpacked / package).rglob("*")
        if path.is_file()
    }
    assert {"wsgiviz/py.typed", "wsgiviz/tui/app.tcss", "demo_apps/sleep.py"} <= sources
    assert {"wsgiviz/lessons/course/02-blocked.md", "wsgiviz/lessons/course/blocked.py"} <= sources
    shipped = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert shipped == sources


def test_the_version_is_the_package_s_own(archive: zipfile.ZipFile, sdist: Path) -> None:
    (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    assert email.message_from_bytes(archive.read(metadata))["Version"] == __version__
    assert sdist.name == f"wsgiviz-{__version__}.tar.gz"
