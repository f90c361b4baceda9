"""Scenario db over a real PostgreSQL: workers wait for its answer, and it computes on the same cores.

`.ci/with-postgres COMMAND` runs a command with a server of its own, and says in WSGIVIZ_TEST_DSN where that is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from demo_apps import db
from tests.integration.conftest import Stage
from tests.integration.in_process import headless
from tests.integration.lateness import blocked_share
from tests.integration.test_figures import in_words

GIVEN = os.environ.get("WSGIVIZ_TEST_DSN", "")
SCHEMA = f"tests_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
"""Each process of the suite has tables of its own."""

DSN = f"{GIVEN} options='-c search_path={SCHEMA}'" if GIVEN else ""

pytestmark = [
    pytest.mark.skipif(not DSN, reason="no PostgreSQL: WSGIVIZ_TEST_DSN is not set (see .ci/with-postgres)"),
]

ROWS = 2000


@pytest.fixture(scope="module", autouse=True)
def orders() -> Iterator[None]:
    """The table that demo_apps/db.py reads, as SQLite's has it."""
    import psycopg

    with psycopg.connect(DSN) as connection:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        connection.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, amount INTEGER)")
        connection.execute(
            "INSERT INTO orders SELECT at, at * 7919 %% 100003 FROM generate_series(1, %s) AS at", [ROWS]
        )
    yield
    with psycopg.connect(DSN) as connection:
        connection.execute(f"DROP SCHEMA {SCHEMA} CASCADE")


@pytest.fixture(scope="module")
def ran() -> tuple[dict[str, Any], str]:
    """A run of both sides, one after the other, since each makes the database compute."""
    options = ["--workers", "2", "--requests", "6", "--order", "in-turn"]
    return headless("--scenario", "db", "--dsn", DSN, "--set", f"rows={ROWS}", *options)


def test_workers_are_blocked_while_the_database_works(ran: tuple[dict[str, Any], str]) -> None:
    found, _ = ran
    wsgi, asgi = found["sides"]["wsgi"], found["sides"]["asgi"]
    assert (wsgi["statuses"], asgi["statuses"]) == ({"200": 6}, {"200": 6})
    assert blocked_share(found, "wsgi") > 0.9
    assert wsgi["blocked_fraction"] > wsgi["computing_fraction"]
    assert (wsgi["max_in_flight"], asgi["max_in_flight"]) == (2, 6)
    assert wsgi["events_lost"] == asgi["events_lost"] == 0


def test_the_loop_is_free_while_the_database_works(ran: tuple[dict[str, Any], str]) -> None:
    """It holds the loop for a small part of what a request takes."""
    rows = [row for row in ran[0]["requests"] if row["side"] == "asgi"]
    assert sum(row["cpu_s"] for row in rows) < 0.5 * sum(row["ended_s"] - row["began_s"] for row in rows)
    assert not {"loop-held", "async-computes"} & {lint["name"] for lint in ran[0]["lints"]}


def test_nothing_is_predicted_since_only_the_database_knows_its_cores(ran: tuple[dict[str, Any], str]) -> None:
    found, text = ran
    assert [side["predicted_makespan_s"] for side in found["sides"].values()] == [None, None]
    assert "predicted" in text
    assert "async gain" not in in_words(text)


def test_where_it_is_is_in_no_report(ran: tuple[dict[str, Any], str]) -> None:
    found, text = ran
    assert found["settings"]["dsn"] == "given"
    assert DSN not in text


@pytest.mark.parametrize(("side", "text"), [("wsgi", "(pairs,) = connection.execute("), ("asgi", "answer = await")])
def test_the_line_of_the_query_is_named_on_either_side(stage: Callable[..., Stage], side: str, text: str) -> None:
    lines = Path(db.__file__).read_text().splitlines()
    [number] = [number for number, line in enumerate(lines, 1) if text in line]
    on = stage(scenario="db", dsn=DSN, parameters={"rows": ROWS}, only=side, workers=1, requests=4)

    def named() -> bool:
        places = (request.where for request in on.only.ledger.in_flight())
        return any(place is not None and (place.file, place.line) == ("demo_apps/db.py", number) for place in places)

    on.until(named, f"db.py:{number}")
    on.finish()
    assert on.only.run.completed == 4
