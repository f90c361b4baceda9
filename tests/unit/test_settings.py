"""Settings: what is accepted, what is refused with which words, and what a change keeps."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsgiviz import scenarios
from wsgiviz.errors import UsageError
from wsgiviz.options import BY_NAME, DSN_GIVEN, OPTIONS
from wsgiviz.settings import Settings, check_installed, make

REFUSED = [
    ({"workers": 0}, "--workers 0: must be a whole number from 1 to 64"),
    ({"workers": "-3"}, "--workers -3: must be a whole number from 1 to 64"),
    ({"workers": "four"}, "--workers four: must be a whole number from 1 to 64"),
    ({"async_workers": 17}, "--async-workers 17: must be a whole number from 1 to 16"),
    ({"worker_class": "tornado"}, "--worker-class tornado: must be one of sync, gthread, gevent"),
    ({"async_server": "uvikorn"}, "--async-server uvikorn: must be one of gunicorn, uvicorn; did you mean"),
    ({"left": "asgi", "right": "uvicorn", "wsgi": "shop:app"}, "no pane has a server for this app"),
    ({"threads": 2, "worker_class": "gevent"}, "--threads 2 needs worker class gthread"),
    ({"arrivals": "poisson"}, "--arrivals poisson: must be one of burst, closed"),
    ({"order": "inturn"}, "--order inturn: must be one of together, in-turn; did you mean in-turn?"),
    ({"requests": 100_001}, "--requests 100001: must be a whole number from 1 to 100000"),
    ({"timeout": "nan"}, "--timeout nan: must be a number of seconds from 0.1 to 3600"),
    ({"timeout": "soon"}, "--timeout soon: must be a number of seconds from 0.1 to 3600"),
    ({"only": "both"}, "--only both: must be one of wsgi, asgi"),
    ({"host": "example.org"}, "--host example.org: must be an IP address of this machine"),
    ({"host": "...."}, "--host ....: must be an IP address of this machine"),
    ({"wsgi": "app.py"}, "--wsgi app.py: must be an import string"),
    ({"asgi": "app:make('\x1b[2J')"}, "must be an import string"),
    ({"wsgi": "shop:app", "path": "orders"}, "--path orders: must be a path that starts with /"),
    ({"path": "/orders"}, "--path is for your own app"),
    ({"duration": 5}, "--duration needs --arrivals closed"),
    ({"dsn": "postgresql:///shop"}, "--dsn is for scenario db"),
    ({"dsn": " ", "scenario": "db"}, "must be a PostgreSQL connection string"),
    ({"wsgi": "shop:app", "only": "asgi"}, "--only asgi leaves nothing to run"),
    ({"wsgi": "shop:app", "parameters": {"seconds": 1}}, "--set is for scenarios"),
    ({"scenario": "slep"}, "there is no scenario 'slep'"),
    ({"parameters": {"secs": "1"}}, "scenario sleep has no parameter 'secs'"),
    ({"parameters": {"seconds": "-1"}}, "seconds=-1: must be a number from 0 to 60"),
]


@pytest.mark.parametrize(("given", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_what_can_not_be_run_is_refused_with_a_hint(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as refused:
        make(**given)
    assert message in refused.value.message
    assert refused.value.hint
    assert refused.value.status == 2


def test_by_default_it_is_a_burst_of_sleeps_at_both_sides() -> None:
    settings = make()
    assert (settings.scenario, settings.sides, settings.workers) == ("sleep", ("wsgi", "asgi"), 4)
    assert (settings.requests, settings.arrivals, settings.parameters) == (20, "burst", {"seconds": 1.0})
    assert settings.request_path == "/?seconds=1.0"
    assert settings.loopback


@pytest.mark.parametrize("scenario", scenarios.catalogue(), ids=lambda scenario: scenario.name)
def test_each_scenario_brings_its_requests_and_parameters(scenario: scenarios.Scenario) -> None:
    settings = make(scenario=scenario.name)
    assert all(getattr(settings, name) == value for name, value in scenario.settings.items())
    assert set(settings.parameters) == {parameter.name for parameter in scenario.parameters}
    apps = {"wsgi": scenario.wsgi, "asgi": scenario.asgi}
    assert [settings.target(side) for side in settings.sides] == [apps[side.rstrip("2")] for side in settings.sides]


def test_each_option_is_a_field_and_its_default_is_one_of_its_values() -> None:
    for option in OPTIONS:
        default = getattr(Settings(), option.name)
        assert default is None or option.parse(str(default)) == default
        assert option.help
        assert option.metavar or option.choices
    assert len(BY_NAME) == len(OPTIONS)


@pytest.mark.parametrize(
    ("given", "sides"),
    [
        ({"wsgi": "shop:app"}, ("wsgi",)),
        ({"asgi": "shop:app"}, ("asgi",)),
        ({"wsgi": "shop:app", "asgi": "shop:make()"}, ("wsgi", "asgi")),
        ({"wsgi": "shop:app", "asgi": "shop:make()", "only": "asgi"}, ("asgi",)),
        ({"only": "wsgi"}, ("wsgi",)),
    ],
)
def test_which_sides_run(given: dict[str, Any], sides: tuple[str, ...]) -> None:
    assert make(**given).sides == sides


@pytest.mark.parametrize(
    ("host", "loopback"), [("127.0.0.2", True), ("::1", True), ("::10", False), ("0.0.0.0", False)]
)
def test_whether_others_can_reach_the_app(host: str, loopback: bool) -> None:
    assert make(host=host).loopback is loopback


def test_an_app_of_one_s_own_keeps_what_was_given_with_it() -> None:
    changed = make(wsgi="shop:app", requests=12, workers=3).changed(threads=2)
    assert (changed.requests, changed.workers, changed.threads) == (12, 3, 2)
    assert make(requests=50).changed(wsgi="shop:app").requests == make(wsgi="shop:app").requests


def test_another_scenario_brings_its_own_requests_and_parameters() -> None:
    changed = make(requests=50, workers=9, threads=3, parameters={"seconds": 2}).changed(scenario="fast")
    assert (changed.requests, changed.workers, set(changed.parameters)) == (
        2000,
        scenarios.find("fast").settings["workers"],
        {"rows"},
    )
    assert changed.threads == 3
    assert make(scenario="db", dsn="postgresql:///shop").changed(scenario="sleep").dsn is None


def test_from_any_scenario_one_comes_to_another_as_if_it_had_been_the_first() -> None:
    """`threads` was shown beside an event loop, when it was chosen after another one."""
    names = [one.name for one in (*scenarios.catalogue(), *scenarios.symptoms())]
    made = {name: make(scenario=name) for name in names}
    differ = [(one, name) for one in names for name in names if made[one].changed(scenario=name) != made[name]]
    assert differ == []


@pytest.mark.parametrize(
    ("given", "kinds", "threads"),
    [
        ({}, ["gthread", "sync"], 4),
        ({"threads": 2}, ["gthread", "sync"], 2),
        ({"left": "sync"}, ["sync", "sync"], 1),
        ({"worker_class": "gevent"}, ["gevent", "sync"], 1),
        ({"worker_class": "gthread"}, ["gthread", "sync"], 4),
        ({"async_server": "uvicorn"}, ["gthread", "uvicorn"], 4),
    ],
)
def test_what_is_given_comes_before_what_a_scenario_brings(
    given: dict[str, Any], kinds: list[str], threads: int
) -> None:
    settings = make(scenario="threads", **given)
    assert (list(settings.kinds.values()), settings.threads) == (kinds, threads)


def test_an_own_app_takes_the_place_of_a_scenario_and_back() -> None:
    own = make(parameters={"seconds": 2}).changed(wsgi="shop:app", path="/orders")
    assert (own.name, own.request_path, own.scenario_used) == ("shop:app", "/orders", None)
    back = own.changed(wsgi=None)
    assert (back.name, back.request_path) == ("sleep", "/?seconds=1.0")


def test_a_change_of_the_load_needs_no_other_servers() -> None:
    settings = make()
    assert settings.changed(requests=40).servers == settings.servers
    assert settings.changed(parameters={"seconds": 2}).servers == settings.servers
    assert settings.changed(workers=5).servers != settings.servers
    assert settings.changed(scenario="http").servers != settings.servers


@given(
    workers=st.integers(1, 64),
    requests=st.integers(1, 100_000),
    timeout=st.floats(0.1, 3_600),
    seconds=st.floats(0, 60),
    closed=st.booleans(),
)
def test_what_is_accepted_is_kept_exactly_as_text_and_through_any_change(
    workers: int, requests: int, timeout: float, seconds: float, closed: bool
) -> None:
    given: dict[str, Any] = {"workers": workers, "requests": requests, "timeout": timeout}
    given |= {"arrivals": "closed" if closed else "burst", "parameters": {"seconds": seconds}}
    settings = make(**given)
    assert make(**{name: v if name == "parameters" else str(v) for name, v in given.items()}) == settings
    assert settings.changed() == settings
    assert settings.changed(order="in-turn").changed(order="together") == settings
    assert (settings.workers, settings.timeout, settings.parameters["seconds"]) == (workers, timeout, seconds)


@given(st.text(max_size=20), st.sampled_from([option.name for option in OPTIONS]))
def test_any_text_is_either_accepted_or_refused_in_words(text: str, name: str) -> None:
    accepted = None
    with contextlib.suppress(UsageError):
        accepted = make(**{name: text})
    shown = str(accepted.given().get(name, "") if accepted is not None else "")  # a body may hold anything
    assert shown.replace("\n", "" if name == "header" else "\n").isprintable()


@pytest.mark.parametrize(
    ("given", "kinds"),
    [
        ({}, {"wsgi": "sync", "asgi": "asgi"}),
        ({"threads": 4}, {"wsgi": "gthread", "asgi": "asgi"}),
        ({"right": "sync"}, {"wsgi": "sync", "wsgi2": "sync"}),
        ({"left": "asgi", "right": "uvicorn"}, {"asgi": "asgi", "asgi2": "uvicorn"}),
        ({"left": "asgi", "right": "gevent"}, {"asgi": "asgi", "wsgi": "gevent"}),
        ({"async_server": "uvicorn", "only": "asgi"}, {"asgi": "uvicorn"}),
        ({"wsgi": "shop:app"}, {"wsgi": "sync"}),
        ({"wsgi": "shop:app", "right": "gthread"}, {"wsgi": "sync", "wsgi2": "gthread"}),
    ],
)
def test_any_two_kinds_of_servers_stand_side_by_side(given: dict[str, Any], kinds: dict[str, str]) -> None:
    settings = make(**given)
    assert settings.kinds == kinds
    assert list(settings.kinds) == list(kinds)
    assert settings.sides == tuple(kinds)


@pytest.mark.parametrize("kind", ["gevent", "uvicorn"])
def test_a_server_that_is_not_installed_is_refused_with_the_fix(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wsgiviz.settings.find_spec", lambda name: None)
    with pytest.raises(UsageError) as refused:
        check_installed(make(left=kind))
    assert refused.value.message == f"{kind} is not installed"
    assert f"wsgiviz[{kind}]" in refused.value.hint
    check_installed(make())


@given(
    given=st.fixed_dictionaries(
        {},
        optional={
            "scenario": st.sampled_from([scenario.name for scenario in scenarios.catalogue()]),
            "workers": st.integers(1, 64),
            "requests": st.integers(1, 100_000),
            "timeout": st.floats(0.1, 3_600),
            "silence": st.sampled_from(["", "loop-held", "loop-held,closed-loop"]),
            "left": st.sampled_from(["sync", "gthread", "asgi"]),
            "host": st.sampled_from(["127.0.0.1", "::1"]),
        },
    ),
    own_app=st.booleans(),
)
def test_what_is_recorded_makes_the_same_settings_again(given: dict[str, Any], own_app: bool) -> None:
    settings = make(**given, **({"wsgi": "shop:app", "asgi": "shop:aapp", "path": "/a?b=1"} if own_app else {}))
    assert make(**settings.given()) == settings
    assert json.loads(json.dumps(settings.given())) == settings.given()


def test_what_is_recorded_holds_no_password() -> None:
    settings = make(scenario="db", dsn="postgresql://me:secret@host/shop")
    assert settings.given()["dsn"] == DSN_GIVEN
    assert "secret" not in repr(settings.given())
    assert make(**settings.given()).dsn == DSN_GIVEN
    assert make(**settings.given()).servers == make(scenario="db", dsn=DSN_GIVEN).servers


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*BY_NAME, "scenario", "parameters", "nosuch"]), ANYTHING, max_size=4))
def test_whatever_a_recording_holds_is_accepted_or_refused_in_words(given: dict[str, Any]) -> None:
    with contextlib.suppress(UsageError):
        settings = make(**given)
        assert make(**settings.given()) == settings


def test_a_scenario_is_checked_even_where_an_own_app_runs() -> None:
    with pytest.raises(UsageError, match="there is no scenario 'slep'"):
        make(wsgi="shop:app", scenario="slep")
