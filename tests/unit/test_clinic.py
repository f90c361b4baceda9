"""The clinic: each symptom has an app, a case and a fix; scenarios of one protocol run as one side."""

from __future__ import annotations

import importlib
import inspect

import pytest

from tests.shelves import CLINIC
from wsgiviz.errors import UsageError
from wsgiviz.lessons.model import Lesson, StepKind
from wsgiviz.scenarios import Scenario, catalogue, find, symptoms
from wsgiviz.settings import make

EACH = pytest.mark.parametrize("scenario", symptoms(), ids=lambda scenario: scenario.name)
EACH_CASE = pytest.mark.parametrize("case", CLINIC.lessons, ids=lambda case: case.name)
LINES, COLUMNS = 14, 76
"""What a step's text may take of a terminal of 80 x 24."""


def app_of(target: str) -> object:
    """The app of an import string, perhaps made by its factory."""
    module, _, attribute = target.partition(":")
    name, parenthesis, arguments = attribute.partition("(")
    found = getattr(importlib.import_module(module), name)
    return found(arguments.rstrip(")").strip('"')) if parenthesis else found


@EACH
def test_its_app_is_there_and_its_side_alone_runs(scenario: Scenario) -> None:
    healthy = {"fix": scenario.parameters[0].show("yes")} if scenario.name == "hangs-booting" else {}
    settings = make(scenario=scenario.name, parameters=healthy)
    assert settings.sides == tuple(name for name, app in (("wsgi", scenario.wsgi), ("asgi", scenario.asgi)) if app)
    for side in settings.sides:
        app = app_of(settings.target(side))
        names = ["environ", "start_response"] if side == "wsgi" else ["scope", "receive", "send"]
        assert callable(app)
        assert list(inspect.signature(app).parameters) == names


@EACH
def test_it_is_a_scenario_like_others_and_not_among_them(scenario: Scenario) -> None:
    assert scenario.question.endswith("?")
    assert find(scenario.name) is scenario
    assert scenario.name not in {other.name for other in catalogue()}
    for parameter in scenario.parameters:
        assert parameter.parse(parameter.show(parameter.default)) == parameter.default
    for call in scenario.calls(scenario.values({})):
        assert "{" not in call
    settings = make(scenario=scenario.name)
    assert make(**settings.given()) == settings


@EACH
def test_its_settings_go_with_it(scenario: Scenario) -> None:
    assert make(scenario=scenario.name).changed(scenario="sleep", wsgi=None, asgi=None, path=None) == make()


def test_there_are_ten_each_with_its_case() -> None:
    assert not CLINIC.broken
    assert [case.name for case in CLINIC.lessons] == [scenario.name for scenario in symptoms()]
    assert len(symptoms()) == 10


@EACH_CASE
def test_a_case_is_a_symptom_its_cause_what_to_look_at_and_a_fix(case: Lesson) -> None:
    kinds = [StepKind.RUN, StepKind.NARRATION, StepKind.INVESTIGATE, StepKind.RUN]
    assert [(step.kind, step.title) for step in case.steps] == list(
        zip(kinds, ("Symptom", "Cause", "Investigate", "Fix"), strict=True)
    )
    symptom, fix = (step.run for step in case.runs)
    assert symptom is not None
    assert fix is not None
    assert symptom.whole.scenario == fix.whole.scenario == case.name
    assert symptom.whole != fix.whole
    assert all(run.assertions for run in (symptom, fix))
    assert not fix.fails
    assert case.steps[2].pointers


@EACH_CASE
def test_a_case_says_when_its_fix_is_none_and_fits_a_small_terminal(case: Lesson) -> None:
    assert "not the fix" in case.steps[3].text or "no fix" in case.steps[3].text
    assert len(case.symptom) <= COLUMNS
    for step in case.steps:
        lines = step.text.splitlines()
        assert sum(max(1, -(-len(line) // COLUMNS)) for line in lines) <= LINES, step.title


def test_a_choice_may_be_in_the_import_string_and_needs_other_servers() -> None:
    hangs, starts = (make(scenario="hangs-booting", parameters={"fix": fix}) for fix in ("no", "yes"))
    assert hangs.target("wsgi") == 'demo_apps.clinic.hangs_booting:create_app("no")'
    assert starts.target("wsgi") == 'demo_apps.clinic.hangs_booting:create_app("yes")'
    assert hangs.servers != starts.servers


def test_the_side_that_a_scenario_has_no_app_for_is_refused() -> None:
    with pytest.raises(UsageError) as refused:
        make(scenario="self-call", only="asgi")
    assert refused.value.message == "--only asgi leaves nothing to run"
    assert refused.value.hint == "scenario self-call has no ASGI app: drop --only"
    with pytest.raises(UsageError, match="no pane has a server for this app"):
        make(scenario="self-call", left="asgi", right="uvicorn")


def test_two_servers_of_the_protocol_that_it_has_run_side_by_side() -> None:
    settings = make(scenario="self-call", left="sync", right="gthread")
    assert settings.kinds == {"wsgi": "sync", "wsgi2": "gthread"}


def test_a_slip_in_the_name_of_a_symptom_gets_it() -> None:
    with pytest.raises(UsageError) as refused:
        find("worker-timeouts")
    assert refused.value.hint.startswith("did you mean worker-timeout? there are ")
