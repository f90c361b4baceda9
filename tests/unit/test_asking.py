"""What is asked of one's own app: what is accepted, how paths are mixed, and what is never shown."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.controls import Control
from tests.unit.histories import BOOTED, one_request, wsgi
from wsgiviz import asking
from wsgiviz.analysis.by_path import by_path
from wsgiviz.arguments import parse, settings_of
from wsgiviz.errors import UsageError
from wsgiviz.events import RunRequested
from wsgiviz.load.plan import Job, Target
from wsgiviz.settings import Settings, make


def asked(*options: str) -> Settings:
    return settings_of(parse(["run", "--wsgi", "shop:app", *options]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--path", "0:/a"), "--path 0:/a: must be a path with a weight from 1 to 1000"),
        (("--path", "/a", "--path", "2:/a"), "a path that is given once"),
        (("--path", "a"), "a path that starts with /"),
        (("--method", "GET IT"), "must be an HTTP method"),
        (("--header", "no colon"), 'must be a header, "Name: value"'),
        (("--header", "A: b\r\nC: d"), "--header: a value of one line is expected"),
        (("--header", "Connection: keep-alive"), "it sets Connection itself"),
        (("--header", "Content-Length: 3"), "it sets Content-Length itself"),
        (("--body", "@"), "must be a text, or @FILE"),
    ],
)
def test_what_can_not_be_asked_is_refused(options: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError) as refused:
        asked(*options)
    assert message in refused.value.message
    assert refused.value.hint


@pytest.mark.parametrize("name", ["method", "header", "body"])
def test_a_scenario_asks_by_itself(name: str) -> None:
    values: dict[str, Any] = {"method": "PUT", "header": "A: b", "body": "x"}
    with pytest.raises(UsageError, match=f"--{name} is for your own app"):
        make(**{name: values[name]})


def test_paths_are_encoded_for_the_person() -> None:
    assert asked("--path", "/käse brot?q=ü&a=%20#top").request_paths == ((1, "/k%C3%A4se%20brot?q=%C3%BC&a=%20"),)


def test_paths_have_weights() -> None:
    settings = asked("--path", "9:/quick", "--path", "/slow?x=1:2")
    assert settings.request_paths == ((9, "/quick"), (1, "/slow?x=1:2"))
    assert make(**settings.given()).request_paths == settings.request_paths


@given(st.lists(st.integers(1, 50), min_size=1, max_size=6))
def test_a_round_has_each_path_as_often_as_its_weight_says(weights: list[int]) -> None:
    found = asking.schedule(tuple(weights))
    assert Counter(found) == Counter(dict(enumerate(weights)))


def test_a_rare_path_comes_in_the_middle_of_its_round() -> None:
    assert asking.schedule((2, 1)) == (0, 1, 0)


def test_a_body_makes_it_a_post_unless_a_method_is_given() -> None:
    assert asked().request_method == "GET"
    assert asked("--body", "x").request_method == "POST"
    assert asked("--body", "x", "--method", "put").request_method == "PUT"


def test_what_may_hold_a_password_is_not_in_what_is_logged() -> None:
    given = asked("--header", "Authorization: Bearer s3cret", "--header", "A: b", "--body", "pw=s3cret").given()
    assert (given["header"], given["body"]) == ("Authorization: given\nA: given", "given")
    assert asked("--body", "@login.json").given()["body"] == "@login.json"


def test_the_driver_gets_what_the_log_does_not_hold() -> None:
    control = Control(wsgi="shop:app", header="Authorization: s3cret", body="pw=s3cret", path="2:/a /b", workers=1)
    control.get_ready()
    control.controller.fire()
    [job] = control.processes.noted.jobs
    assert (job.method, job.headers, job.paths) == ("POST", (("Authorization", "s3cret"),), ((2, "/a"), (1, "/b")))
    assert control.processes.noted.bodies == [b"pw=s3cret"]
    control.controller.change(control.state.settings.changed(requests=3))  # as the form does: it knows no values
    assert control.processes.noted.jobs[-1].headers == job.headers
    assert control.state.sides["wsgi"].run.paths == job.paths
    assert "s3cret" not in repr(control.events)


def test_a_job_is_read_as_it_was_written() -> None:
    job = Job(1, (Target("wsgi", "http://x/"),), 3, method="PUT", headers=(("A", "b"),), paths=((2, "/a"), (1, "/b")))
    assert Job.from_json(json.loads(job.to_json())) == job


def test_a_file_that_can_not_be_read_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        asking.read_body(f"@{tmp_path / 'missing'}")
    (tmp_path / "there").write_bytes(b"\x00\xff")
    assert asking.read_body(f"@{tmp_path / 'there'}") == b"\x00\xff"


PATHS = ((2, "/quick"), (1, "/slow"))


def requested(paths: tuple[tuple[int, str], ...]) -> RunRequested:
    return RunRequested(10_000_000, "", 0, 1, 3, ("wsgi",), False, paths)


def test_figures_of_each_path() -> None:
    """One, two, three: quick, slow, quick. The third waits while the second is served."""
    served = [*one_request(1, at=20, lasts=1), *one_request(2, at=30, lasts=100), *one_request(3, at=140, lasts=1)]
    quick, slow = by_path(wsgi(BOOTED, [requested(PATHS)], served))
    assert (quick.path, quick.weight, quick.requests, quick.completed) == ("/quick", 2, 2, 2)
    assert (slow.path, slow.requests) == ("/slow", 1)
    assert quick.service_s is not None
    assert slow.service_s is not None
    assert slow.service_s.p50 > 50 * quick.service_s.max


@pytest.mark.parametrize("paths", [(), ((1, "/"),), ((0, "/a"), (1, "/b")), ((-1, "/a"), (10**9, "/b"))])
def test_one_path_and_what_no_person_gave_have_no_figures_of_their_own(paths: tuple[tuple[int, str], ...]) -> None:
    assert by_path(wsgi(BOOTED, [requested(paths)], one_request())) == []
