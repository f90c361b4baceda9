"""The source behind an import string: found in files, never imported."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from wsgiviz import scenarios
from wsgiviz.tui.source import MOST_BYTES, Source, find_source, source_at

SHOP = '''\
"""A shop."""
raise SystemExit("a module that must not be imported")

HEADERS = [("Content-Type", "text/plain")]


def app(environ, start_response):
    start_response("200 OK", HEADERS)

    def app():
        return "inner"

    return [b"shop"]


@decorated
@twice(
    3
)
async def served(scope, receive, send):
    await send({})


class Application:
    def __call__(self):
        pass


made = Application()
'''


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a module of its own and a package."""
    (tmp_path / "shop.py").write_text(SHOP)
    (tmp_path / "site_of_mine").mkdir()
    (tmp_path / "site_of_mine" / "__init__.py").write_text("def app():\n    pass\n")
    (tmp_path / "site_of_mine" / "wsgi.py").write_text("\n\ndef app():\n    return 1\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_function_is_shown_whole_and_with_its_line_numbers() -> None:
    found = find_source("shop:app")
    assert (found.path, found.first_line, found.why_not) == ("shop.py", 7, "")
    assert found.lines[0] == "def app(environ, start_response):"
    assert found.lines[-1] == '    return [b"shop"]'
    assert found.lines == tuple(SHOP.splitlines()[6:13])


def test_decorators_belong_to_it() -> None:
    found = find_source("shop:served")
    assert (found.first_line, found.lines[0]) == (16, "@decorated")
    assert found.lines[-1] == "    await send({})"


def test_a_class_is_a_definition() -> None:
    assert find_source("shop:Application").lines[0] == "class Application:"


def test_a_factory_is_found_by_its_name() -> None:
    assert find_source("shop:served('x', y=1)").first_line == 16


@pytest.mark.parametrize("name", ["made", "nothing", "Application.__call__", ""])
def test_what_is_not_defined_by_that_name_shows_the_file_from_its_beginning(name: str) -> None:
    found = find_source(f"shop:{name}")
    assert (found.first_line, found.lines) == (1, tuple(SHOP.splitlines()))


def test_packages_and_modules_in_them() -> None:
    assert find_source("site_of_mine:app").path == "site_of_mine/__init__.py"
    found = find_source("site_of_mine.wsgi:app")
    assert (found.path, found.first_line, found.lines) == ("site_of_mine/wsgi.py", 3, ("def app():", "    return 1"))


def test_the_current_folder_comes_first(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    other = folder / "elsewhere"
    other.mkdir()
    (other / "shop.py").write_text("def app(): other\n")
    (other / "only_there.py").write_text("def app(): there\n")
    monkeypatch.setattr(sys, "path", [str(other), *sys.path])
    assert find_source("shop:app").first_line == 7
    assert find_source("only_there:app").lines == ("def app(): there",)


def test_nothing_is_imported() -> None:
    find_source("shop:app")
    find_source("site_of_mine.wsgi:app")
    assert not {"shop", "site_of_mine", "site_of_mine.wsgi"} & set(sys.modules)


@pytest.mark.parametrize("module", ["no_such_module", "no.such.module", "sys", "shop.app", "no..such"])
def test_what_is_not_there_says_so(module: str) -> None:
    found = find_source(f"{module}:app")
    assert (found.lines, found.why_not) == ((), f"the source of {module} was not found")


def test_a_name_that_no_file_can_have_says_so() -> None:
    assert find_source(f"{'a' * 300}:app").why_not


@pytest.mark.parametrize(
    "content", [b"def app(:\n", b"def app():\n    pass\n\x00", b"(" * 500, b"def app():\n" + b"x" * 10 + b"\n  y\n"]
)
def test_what_is_not_python_says_so(folder: Path, content: bytes) -> None:
    (folder / "odd.py").write_bytes(content)
    found = find_source("odd:app")
    assert (found.lines, found.why_not) == ((), "odd.py can't be read as Python")


def test_a_file_that_cannot_be_opened_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert find_source("shop:app").why_not == "shop.py can't be read as Python"


def test_bytes_that_are_not_utf_8_are_replaced(folder: Path) -> None:
    (folder / "latin.py").write_bytes(b"def app():\n    return 'caf\xe9'\n")
    assert find_source("latin:app").lines == ("def app():", "    return 'caf�'")


def test_a_huge_file_is_not_read(folder: Path) -> None:
    (folder / "huge.py").write_text("def app():\n    return 1\n" + "# long\n" * (MOST_BYTES // 7 + 1))
    assert find_source("huge:app").why_not == "huge.py can't be read as Python"


@pytest.mark.parametrize("scenario", scenarios.catalogue(), ids=lambda scenario: scenario.name)
def test_both_apps_of_every_scenario_are_shown(scenario: scenarios.Scenario) -> None:
    for target in (scenario.wsgi, scenario.asgi):
        found = find_source(target)
        assert found.lines[0].startswith(("def ", "async def ", "@"))
        assert target.partition(":")[2] in "\n".join(found.lines[:3])


# --- where somebody is ----------------------------------------------------------------------------------------------


def test_a_line_is_shown_with_the_innermost_function_round_it(folder: Path) -> None:
    found = source_at("shop.py", 11, "elsewhere.py")
    assert found is not None
    assert (found.first_line, found.lines) == (10, ("    def app():", '        return "inner"'))
    assert found.has(str(folder / "shop.py"), 11)
    assert not found.has("shop.py", 12)
    assert not found.has("other.py", 11)


def test_a_line_outside_every_function_shows_the_file() -> None:
    found = source_at("shop.py", 4, "elsewhere.py")
    assert found is not None
    assert (found.first_line, len(found.lines)) == (1, len(SHOP.splitlines()))


def test_the_end_of_the_path_beside_is_that_file(folder: Path) -> None:
    beside = str(folder / "site_of_mine" / "wsgi.py")
    found = source_at("of_mine/wsgi.py", 4, beside)
    assert found is not None
    assert (found.path, found.first_line) == (beside, 3)


@pytest.mark.parametrize(
    ("file", "line"),
    [("shop.py", 0), ("shop.py", -3), ("shop.py", 999), ("nowhere.py", 1), ("", 1), ("site_of_mine/../shop.py", 1),
     ("secret", 1), ("<string>", 1), ("a" * 300 + ".py", 1), ("site_of_mine", 1), ("broken.py", 1), ("\x00.py", 1)],
)  # fmt: skip
def test_what_an_observed_process_says_opens_only_python_that_is_there(folder: Path, file: str, line: int) -> None:
    (folder / "secret").write_text("password\n")
    (folder / "broken.py").write_text("def (\n")
    assert source_at(file, line, "elsewhere.py") is None


def test_an_edited_file_is_read_again(folder: Path) -> None:
    assert find_source("site_of_mine.wsgi:app").lines[-1] == "    return 1"
    path = folder / "site_of_mine" / "wsgi.py"
    path.write_text("def app():\n    return 2\n")
    os.utime(path, ns=(0, 1))
    assert find_source("site_of_mine.wsgi:app").lines[-1] == "    return 2"


def test_nothing_is_nowhere() -> None:
    assert not Source("", 1, ()).has("", 1)
