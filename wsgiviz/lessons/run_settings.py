"""The settings of a lesson's runs: names and values as on the command line, each checked where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wsgiviz import scenarios
from wsgiviz.arguments import refuse_without_effect
from wsgiviz.errors import UsageError
from wsgiviz.lessons.documents import Entries
from wsgiviz.lessons.lesson_error import LessonError, nearest
from wsgiviz.options import BY_NAME, OF_OWN_APP
from wsgiviz.settings import Settings, make

NOT_OF_LESSONS = ("host", "python", "dsn", "gunicorn_conf")
"""Settings that belong to a machine: a lesson's file goes from hand to hand."""

APPS = ("wsgi", "asgi")
Given = Mapping[str, Any]
"""Texts by the names of Settings; "parameters" has texts by the names of the scenario's parameters."""


def read_settings(keys: Mapping[str, Entries], file: str) -> dict[str, Any]:
    """What ``keys`` say. Raises LessonError at the line of what is wrong."""
    given: dict[str, Any] = {}
    for key, entry in keys.items():
        name = key.replace("-", "_")
        if key == "set":
            given["parameters"] = _parameters(entry, file)
        elif name == "scenario":
            given[name] = _text(key, entry, file)
            _checked(lambda name=given[name]: scenarios.find(name), file, entry.line)
        else:
            given[name] = _option(key, name, entry, file)
    return given


def _parameters(entry: Entries, file: str) -> dict[str, str]:
    if entry.keys is None:
        raise LessonError(file, entry.line, f"set has {entry.words}", "write set: {seconds: 2}")
    return {name: _text(name, value, file) for name, value in entry.keys.items()}


def _text(name: str, entry: Entries, file: str) -> str:
    if not entry.text:
        what = f"{name} has no value" if entry.text == "" else f"{name} has {entry.words}"
        raise LessonError(file, entry.line, what, f"write {name}: VALUE")
    return entry.text


def _option(key: str, name: str, entry: Entries, file: str) -> str:
    if name in NOT_OF_LESSONS:
        raise LessonError(
            file, entry.line, f"{key} is no setting of a lesson", "it belongs to a machine: leave it out"
        )
    if name not in BY_NAME:
        known = [option.replace("_", "-") for option in BY_NAME if option not in NOT_OF_LESSONS]
        what = f"there is no setting {key!r}"
        raise LessonError(file, entry.line, what, nearest(key, ["scenario", "set", *known]))
    option = BY_NAME[name]
    if entry.items is not None and option.joined_by:
        text = option.joined_by.join(_text(key, item, file) for item in entry.items)
    else:
        text = _text(key, entry, file)
    _checked(lambda: option.parse_given(text), file, entry.line)
    return text


def _checked(parse: Any, file: str, line: int) -> Any:
    """What ``parse`` gives; its UsageError as one of the file's."""
    try:
        return parse()
    except LessonError:
        raise
    except UsageError as error:
        raise LessonError(file, line, error.message, error.hint) from None


def merged(base: Given, own: Given) -> dict[str, Any]:
    """The lesson's settings with a run's over them. Parameters stay while the scenario does; an app of one's own
    takes the place of a scenario, and a scenario that of an app."""
    left = dict(base)
    if any(name in own for name in APPS):
        left = {name: value for name, value in left.items() if name not in ("scenario", "parameters")}
    elif "scenario" in own:
        left = {name: value for name, value in left.items() if name not in (*APPS, *OF_OWN_APP)}
        if own["scenario"] != base.get("scenario", Settings().scenario) or any(name in base for name in APPS):
            left.pop("parameters", None)
    whole = left | dict(own)
    parameters = {**left.get("parameters", {}), **own.get("parameters", {})}
    return whole | ({"parameters": parameters} if parameters else {})


def whole_settings(given: Given, keys: Mapping[str, Entries], file: str, line: int) -> Settings:
    """The Settings of ``given``; ``keys`` is where they stand, ``line`` where what is wrong together is reported.
    Raises LessonError."""
    if any(name in given for name in APPS) and "scenario" in given:
        raise LessonError(file, line, "a scenario and your own app exclude each other", "drop one of them")
    parameters = given.get("parameters", {})
    if not any(name in given for name in APPS):
        scenario = scenarios.find(str(given.get("scenario", Settings().scenario)))
        places = keys["set"].keys or {} if "set" in keys else {}
        for name, value in parameters.items():
            at = places[name].line if name in places else line
            _checked(lambda name=name, value=value: scenario.values({name: value}), file, at)
    settings: Settings = _checked(lambda: make(**given), file, line)
    return settings


def refuse_useless(settings: Settings, own: Given, file: str, line: int) -> None:
    """Raise LessonError for a setting of the run itself that changes nothing."""
    _checked(lambda: refuse_without_effect(settings, frozenset(own)), file, line)
