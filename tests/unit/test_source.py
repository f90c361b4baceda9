"""The source behind an import string: found in files, never imported."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from wsgiviz import scenarios
from wsgiviz.observe.source import MOST_BYTES, find_by_end
from wsgiviz.tui.source import Source, find_source, source_at
from wsgiviz.tui.widgets.code import at_rest

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
    def refuse(path: Path, mode: str) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)
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


# --- text that is known ---------------------------------------------------------------------------------------------

OTHER = "def app():\n    return 'as it was started'\n\n\ndef helper():\n    pass\n"


def test_the_text_that_is_known_goes_before_the_file(folder: Path) -> None:
    found = find_source("shop:app", {str(folder / "shop.py"): OTHER})
    assert (found.path, found.lines) == (str(folder / "shop.py"), tuple(OTHER.splitlines()[:2]))
    assert find_source("site_of_mine:app", {str(folder / "shop.py"): OTHER}).lines == ("def app():", "    pass")


@pytest.mark.parametrize("path", ["shop.py", "./shop.py", "/srv/x/shop.py", "/srv/x/shop/__init__.py"])
def test_a_known_text_is_found_by_its_module(path: str) -> None:
    assert find_source("shop:app", {path: OTHER}, files=False).path == path
    assert find_source("workshop:app", {path: OTHER}, files=False).why_not
    assert find_source("op:app", {path: OTHER}, files=False).why_not


def test_of_two_the_one_nearer_to_the_root_is_taken() -> None:
    texts = {"/srv/x/old/shop.py": SHOP, "/srv/x/shop.py": OTHER}
    assert find_source("shop:app", texts, files=False).path == "/srv/x/shop.py"
    assert find_source("old.shop:app", texts, files=False).path == "/srv/x/old/shop.py"


def test_without_files_nothing_is_read(folder: Path) -> None:
    assert find_source("shop:app", files=False).why_not == "the source of shop was not found"
    assert source_at("shop.py", 8, str(folder / "shop.py"), files=False) is None


def test_a_line_of_a_known_text() -> None:
    texts = {"/srv/x/shop.py": OTHER, "/srv/y/shop.py": SHOP}
    found = source_at("shop.py", 2, "/srv/y/other.py", texts, files=False)
    assert found is not None
    assert (found.path, found.first_line, found.has("x/shop.py", 2)) == ("/srv/x/shop.py", 1, True)
    beside = source_at("shop.py", 8, "/srv/y/shop.py", texts, files=False)
    assert beside is not None
    assert beside.path == "/srv/y/shop.py"
    assert source_at("shop.py", 99, "", texts, files=False) is None
    assert source_at("", 1, "", texts, files=False) is None


@pytest.mark.parametrize("text", ["def (", "\x00", "-" * 200_000 + "1", "(" * 5_000, "x = '\\d'\n" * 3 + "def app(:"])
def test_a_known_text_that_is_not_python_says_so(text: str) -> None:
    found = find_source("shop:app", {"/srv/shop.py": text}, files=False)
    assert (found.lines, found.why_not) == ((), "shop.py can't be read as Python")


def test_a_warning_is_no_error() -> None:
    assert find_source("shop:app", {"shop.py": "def app():\n    return '\\d'\n"}).lines[-1] == "    return '\\d'"


def test_a_path_that_was_cut_is_found_below_the_current_folder(folder: Path) -> None:
    deep = folder / "site_of_mine" / "orders" / "services"
    deep.mkdir(parents=True)
    (deep / "checkout_payment_provider.py").write_text("def checkout():\n    pass\n")
    cut = "mine/orders/services/checkout_payment_provider.py"
    assert find_by_end(cut, Path()) == Path("site_of_mine/orders/services/checkout_payment_provider.py")
    assert find_by_end(cut[1:], Path()) is not None
    assert find_by_end("yours/services/checkout_payment_provider.py", Path()) is None
    assert find_by_end("provider.py", Path()) is None, "it was not cut"
    assert find_by_end(".py", Path()) is None


def test_installed_and_hidden_files_are_not_looked_through(folder: Path) -> None:
    name = "a_module_with_a_name_that_is_long_enough.py"
    for place in (".venv", "site-packages"):
        (folder / place).mkdir()
        (folder / place / name).write_text("pass\n")
    assert find_by_end(name, Path()) is None


def test_when_all_is_over_the_app_is_shown_and_not_the_helper_that_was_last() -> None:
    app = Source("demo_apps/cpu.py", 6, ("def app(environ, start_response):", "    found = count_primes(below)"))
    helper = Source("demo_apps/http_text.py", 48, ("async def send_text(send, text):", "    await send({})"))
    inner = Source("demo_apps/cpu.py", 20, ("def count_primes(below):", "    return below"))
    assert at_rest(helper, app, "count_primes") is app
    assert at_rest(inner, app, "count_primes") is inner
    views = Source("shop/views.py", 1, ("def index(request):", "    return render(request)"))
    assert at_rest(views, Source("shop/wsgi.py", 1, ("application = get_wsgi_application()",)), "") is views
