"""`wsgiviz replay FILE --headless`: the report of the run when it was live, from the file alone."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from tests.unit.plausible_runs import MS, T0, run
from tests.unit.recordings import parts_of, recorded, with_flipped_byte
from wsgiviz.errors import UsageError, WsgivizError
from wsgiviz.events import Calibrated, Event, Failed, PhaseChanged, RequestSent
from wsgiviz.log import EventLog
from wsgiviz.log.format import BlockType
from wsgiviz.report.output import write_report
from wsgiviz.report.replay import run_replay

BATCHES = run(random.Random(3), most=8)
END = T0 + 20_000 * MS


def phase(name: str, t_ns: int) -> Event:
    return PhaseChanged(t_ns, "", 0, name)


def live_report(batches: list[list[Event]], path: Path) -> object:
    """What a headless run reports after these batches."""
    log = EventLog()
    for batch in batches:
        log.append(batch)
    write_report(log.state, log.occurrences, str(path), ledger=True)
    return json.loads(path.read_text())


def replayed_report(content: bytes, tmp_path: Path) -> object:
    path = tmp_path / "run.wviz"
    path.write_bytes(content)
    assert run_replay(str(path), str(tmp_path / "again.json"), ledger=True) == 0
    return json.loads((tmp_path / "again.json").read_text())


@pytest.mark.parametrize("keyframe_batches", [0, 3])
def test_is_the_live_one_whatever_came_after_the_run(tmp_path: Path, keyframe_batches: int) -> None:
    finished = [*BATCHES, [phase("finished", END)]]
    live = live_report(finished, tmp_path / "live.json")
    late: list[Event] = [RequestSent(END + 5 * MS, "wsgi", 50, 1_000_001, T0), phase("closed", END + 9 * MS)]
    assert replayed_report(recorded([*finished, late], keyframe_batches), tmp_path) == live


def test_is_that_of_the_last_run_that_ended(tmp_path: Path) -> None:
    first = [*BATCHES, [phase("finished", END)]]
    second: list[list[Event]] = [
        [phase("running", END + MS)],
        [Calibrated(END + 2 * MS, "", 0, 2.0, 0.1)],
        [phase("finished", END + 3 * MS)],
    ]
    live = live_report([*first, *second], tmp_path / "live.json")
    assert replayed_report(recorded([*first, *second, [phase("running", END + 4 * MS)]]), tmp_path) == live


def test_says_that_no_run_ended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert replayed_report(recorded(BATCHES), tmp_path) == live_report(BATCHES, tmp_path / "live.json")
    told = capsys.readouterr().err
    assert told == f"wsgiviz: {tmp_path}/run.wviz: no run ended in it, so this is how far it came\n"


def test_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = recorded([*BATCHES, [phase("finished", END)]])
    block = parts_of(whole, BlockType.EVENTS)[1]
    replayed_report(with_flipped_byte(whole, block.end - 1), tmp_path)
    assert f"{block.header.events} events are missing" in capsys.readouterr().err


def test_a_session_that_failed_fails_again(tmp_path: Path) -> None:
    for status, kind in ((1, WsgivizError), (2, UsageError), (77, WsgivizError)):
        failed = Failed(END, "wsgi", 0, "the app did not start", "read its log", "Traceback", status)
        path = tmp_path / "run.wviz"
        path.write_bytes(recorded([*BATCHES, [failed, phase("failed", END)]]))
        with pytest.raises(WsgivizError, match="the app did not start") as caught:
            run_replay(str(path), None)
        assert type(caught.value) is kind
        assert (caught.value.hint, caught.value.detail) == ("read its log", "Traceback")


def test_numbers_that_json_has_not_are_null(tmp_path: Path) -> None:
    odd: list[list[Event]] = [*BATCHES, [Calibrated(END, "", 0, float("nan"), float("inf")), phase("finished", END)]]
    assert replayed_report(recorded(odd), tmp_path)
