"""requirements.lock: one version of each dependency, for every Python, and nothing about where it was made."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.packaging.conftest import LOCK, ROOT

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())


def locked() -> dict[str, list[Requirement]]:
    pins: dict[str, list[Requirement]] = {}
    for line in LOCK.read_text().splitlines():
        if not line.startswith("#"):
            pin = Requirement(line)
            pins.setdefault(canonicalize_name(pin.name), []).append(pin)
    return pins


def wanted() -> list[Requirement]:
    """What pyproject.toml asks for: of the program, of its extras, and of the developers' groups."""
    lists = [
        PROJECT["project"]["dependencies"],
        *PROJECT["project"]["optional-dependencies"].values(),
        *PROJECT["dependency-groups"].values(),
    ]
    return [Requirement(entry) for entries in lists for entry in entries if isinstance(entry, str)]


def test_all_that_pyproject_asks_for_is_locked_at_a_version_that_it_allows() -> None:
    pins = locked()
    for requirement in wanted():
        found = pins.get(canonicalize_name(requirement.name))
        assert found, f"{requirement} is not in {LOCK.name}: make lock"
        for pin in found:
            (version,) = (clause.version for clause in pin.specifier)
            assert requirement.specifier.contains(version), f"{pin} is not {requirement}: make lock"


def test_every_line_is_a_pin_that_a_constraints_file_may_have() -> None:
    for pins in locked().values():
        for pin in pins:
            assert [clause.operator for clause in pin.specifier] == ["=="], pin
            assert (pin.url, pin.extras) == (None, set()), pin


def test_it_names_no_index_and_no_folder() -> None:
    for line in LOCK.read_text().splitlines():
        assert "/" not in line, line
        assert not line.startswith("-"), line


@pytest.mark.parametrize("minor", [11, 12, 13, 14])
def test_a_python_gets_one_version_of_each(minor: int) -> None:
    environment = {name: str(value) for name, value in default_environment().items()}
    environment |= {"python_version": f"3.{minor}", "python_full_version": f"3.{minor}.0"}
    for name, pins in locked().items():
        chosen = [pin for pin in pins if pin.marker is None or pin.marker.evaluate(environment)]
        assert len(chosen) <= 1, f"{name}: {chosen}"
