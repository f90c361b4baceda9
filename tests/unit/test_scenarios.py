"""The catalogue: each scenario holds together, and a slip in a name or a number gets a hint."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import math
import os
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsgiviz.asking import schedule
from wsgiviz.errors import UsageError
from wsgiviz.scenarios import Cost, Parameter, Scenario, catalogue, find

EACH = pytest.mark.parametrize("scenario", catalogue(), ids=lambda scenario: scenario.name)

WHOLE = Parameter("rows", 40, 1, 100, "rows", "how many rows")
NUMBER = Parameter("seconds", 0.5, 0.0, 60.0, "s", "how long")


def attribute(import_string: str) -> object:
    module, _, name = import_string.partition(":")
    return getattr(importlib.import_module(module), name)


@EACH
def test_its_apps_are_there(scenario: Scenario) -> None:
    wsgi, asgi = attribute(scenario.wsgi), attribute(scenario.asgi)
    assert callable(wsgi)
    assert list(inspect.signature(wsgi).parameters) == ["environ", "start_response"]
    assert inspect.iscoroutinefunction(asgi)
    assert list(inspect.signature(asgi).parameters) == ["scope", "receive", "send"]


@EACH
def test_its_calls_and_path_hold_the_parameters(scenario: Scenario) -> None:
    values = scenario.values({})
    for call, template in zip(scenario.calls(values), (scenario.wsgi_call, scenario.asgi_call), strict=True):
        assert "{" not in call
        assert ("{" in template) == (call != template)
    asked = {
        name: texts[0] for name, texts in parse_qs(urlsplit(scenario.weighted_paths(values)[0][1]).query).items()
    }
    assert asked == {name: str(value) for name, value in values.items()}


@EACH
def test_its_defaults_are_in_their_ranges_and_its_question_is_one(scenario: Scenario) -> None:
    for parameter in scenario.parameters:
        assert parameter.parse(str(parameter.default)) == parameter.default
        if isinstance(parameter, Parameter):
            assert type(parameter.parse(f"{parameter.maximum:.0f}")) is type(parameter.default)
        assert parameter.help
    assert scenario.question.endswith("?")
    assert all(weight > 0 and path.startswith("/") for weight, path in scenario.paths)
    assert scenario.backend in (None, "upstream", "database", "disk")


UNPREDICTED = ("contract", "slow-client", "timeout", "crash", "crud", "fast")
"""Here the theory has nothing to say: about clients, deaths, what lasts after an answer, and requests that take less
than their server's work."""
LASTS = {"stream": 4 * 0.5, "websocket": (4 + 1) * 1.0}
"""So many events or heartbeats, and what comes before each; a WebSocket is closed that much later."""


@EACH
def test_its_cost_is_what_is_asked_for_or_left_to_measuring(scenario: Scenario) -> None:
    values = scenario.values({})
    cost = scenario.cost(values)
    if cost is None:
        assert scenario.name in UNPREDICTED
    elif cost.waits_s:
        assert cost.wait_s == pytest.approx(sum(cost.waits_s) / len(cost.waits_s))
        assert cost.cpu_s == 0.0
    elif "seconds" in values:
        assert (cost.wait_s, cost.cpu_s) == (values["seconds"], 0.0)
        longer = scenario.cost(scenario.values({"seconds": "7"}))
        assert longer is not None
        assert longer.wait_s == 7.0
    elif scenario.name in LASTS:
        assert (cost.wait_s, cost.cpu_s) == (LASTS[scenario.name], 0.0)
    else:
        assert math.isnan(cost.cpu_s)


def test_threads_have_their_limit_and_only_where_they_wait() -> None:
    threads = min(32, (os.cpu_count() or 1) + 4)
    costs = {scenario.name: scenario.cost(scenario.values({})) for scenario in catalogue()}
    known = {name: cost for name, cost in costs.items() if cost is not None}
    limits = {name: cost.async_limit for name, cost in known.items() if cost.async_limit}
    assert limits == {"file": threads, "blocking-in-async": 1}
    assert {name for name, cost in known.items() if cost.async_threads} == {"db"}
    assert set(costs) - set(known) == set(UNPREDICTED)


@pytest.mark.parametrize(
    ("fix", "call", "limit"),
    [
        ("none", "time.sleep(0.5)", 1),
        ("thread", "await asyncio.to_thread(time.sleep, 0.5)", 6),
        ("async", "await asyncio.sleep(0.5)", None),
    ],
)
def test_a_fix_changes_the_call_and_the_cost(fix: str, call: str, limit: int | None) -> None:
    scenario = find("blocking-in-async")
    values = scenario.values({"fix": fix})
    cost = scenario.cost(values, cores=2)
    assert scenario.calls(values) == ("time.sleep(0.5)", call)
    assert cost is not None
    assert (cost.wait_s, cost.async_limit) == (0.5, limit)


def test_what_a_request_does_changes_the_call_and_the_cost() -> None:
    scenario = find("threads")
    waits, computes = (scenario.values({"work": work}) for work in ("wait", "compute"))
    assert (scenario.calls(waits)[0], scenario.calls(computes)[0]) == ("time.sleep(0.5)", "count_primes(200000)")
    assert scenario.cost(waits) == Cost(0.5, 0.0)
    cost = scenario.cost(computes)
    assert cost is not None
    assert math.isnan(cost.cpu_s)


def test_one_request_in_ten_is_slow_in_the_order_in_which_they_are_sent() -> None:
    scenario = find("mixed")
    values = scenario.values({"slow": "2", "quick": "0.1"})
    cost = scenario.cost(values)
    assert cost is not None
    assert sorted(cost.waits_s) == [0.1] * 9 + [2.0]
    turns = schedule(tuple(weight for weight, _ in scenario.weighted_paths(values)))
    assert scenario.weighted_paths(values)[turns[cost.waits_s.index(2.0)]][1].startswith("/slow?")


def test_throughput_is_compared_with_as_many_processes_on_either_side() -> None:
    for name in ("fast", "crud"):
        settings = find(name).settings
        assert settings["workers"] == settings["async_workers"]
        assert (settings["arrivals"], settings["order"]) == ("closed", "in-turn")


@EACH
def test_its_narration_is_short_or_none_yet(scenario: Scenario) -> None:
    assert scenario.narration.count(". ") <= 2
    assert scenario.narration == scenario.narration.strip()


ALL = f"there are {', '.join(scenario.name for scenario in catalogue())}"


def test_names_are_unique_and_found() -> None:
    names = [scenario.name for scenario in catalogue()]
    assert len(set(names)) == len(names)
    assert names[0] == "sleep"
    assert [find(name).name for name in names] == names


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("slep", f"did you mean sleep? {ALL}"),
        ("files", f"did you mean file? {ALL}"),
        ("zebra", ALL),
        ("", ALL),
    ],
)
def test_a_slip_in_the_name_gets_the_nearest_one(name: str, hint: str) -> None:
    with pytest.raises(UsageError) as refused:
        find(name)
    assert (refused.value.message, refused.value.hint) == (f"there is no scenario {name!r}", hint)


def test_a_slip_in_a_parameters_name_gets_the_nearest_one() -> None:
    with pytest.raises(UsageError) as refused:
        find("sleep").values({"secnds": "1"})
    assert refused.value.message == "scenario sleep has no parameter 'secnds'"
    assert refused.value.hint == "did you mean seconds? it has seconds"


@pytest.mark.parametrize(
    ("parameter", "text", "value"),
    [
        (WHOLE, "1", 1),
        (WHOLE, " 100 ", 100),
        (NUMBER, "0", 0.0),
        (NUMBER, "60", 60.0),
        (NUMBER, "1e-3", 0.001),
    ],
)
def test_a_value_in_the_range_is_taken(parameter: Parameter, text: str, value: float) -> None:
    parsed = parameter.parse(text)
    assert parsed == value
    assert type(parsed) is type(parameter.default)


@pytest.mark.parametrize("text", ["0", "101", "-1", "1.5", "1e2", "nan", "inf", "many", "", "9" * 5000])
def test_what_is_no_whole_number_in_the_range_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        WHOLE.parse(text)
    assert refused.value.message == f"rows={text}: must be a whole number from 1 to 100"
    assert refused.value.hint == "rows: how many rows; by default 40 rows"


@pytest.mark.parametrize("text", ["-0.1", "60.01", "nan", "inf", "-inf", "1e999", "half", "", "0x1"])
def test_what_is_no_number_in_the_range_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        NUMBER.parse(text)
    assert refused.value.message == f"seconds={text}: must be a number from 0 to 60"
    assert refused.value.hint == "seconds: how long; by default 0.5 s"


@given(st.sampled_from(catalogue()), st.dictionaries(st.sampled_from(["seconds", "rows", "below", "x"]), st.text()))
def test_any_texts_are_parameters_or_refused(scenario: Scenario, given: dict[str, str]) -> None:
    with contextlib.suppress(UsageError):
        values = scenario.values(given)
        assert list(values) == [parameter.name for parameter in scenario.parameters]
        for parameter in scenario.parameters:
            value = values[parameter.name]
            if isinstance(parameter, Parameter):
                assert parameter.minimum <= float(value) <= parameter.maximum
            else:
                assert value in parameter.words
