"""Reading: what was recorded, and what is left of it when the file is damaged."""

from __future__ import annotations

import os
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest

from tests.unit.plausible_runs import T0, run
from tests.unit.recordings import parts, parts_of, recorded, with_flipped_byte, with_payload, without
from wsgiviz.errors import UsageError
from wsgiviz.events import LogWritten, SettingsChanged
from wsgiviz.log import Recording, Snapshot, keyframes, open_recording
from wsgiviz.log import recording as recording_module
from wsgiviz.log.format import FIRST_LINE, HEADER_SIZE, LONGEST, BlockType, pack_block
from wsgiviz.log.packing import encode

BATCHES = run(random.Random(3), most=8)
KNOWN = [Snapshot()]
for _batch in BATCHES:
    KNOWN.append(KNOWN[-1].after(tuple(_batch)))
EVENTS = sum(map(len, BATCHES))
PLAIN = recorded(BATCHES)
KEYED = recorded(BATCHES, keyframe_batches=10)

NO_END = "it has no end: the program was killed, or is still recording, or the file was cut"

Opened = Callable[[bytes], Recording]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    """Opens a recording that has these bytes."""
    with ExitStack() as stack:

        def open_bytes(content: bytes) -> Recording:
            path = tmp_path / "run.wviz"
            path.write_bytes(content)
            return stack.enter_context(open_recording(path))

        yield open_bytes


def in_turn(recording: Recording) -> list[Snapshot]:
    return list(recording.snapshots())


# --- what was recorded ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [PLAIN, KEYED], ids=["events", "keyframes"])
def test_gives_back_every_batch_and_all_that_was_known(opened: Opened, content: bytes) -> None:
    recording = opened(content)
    assert (recording.end, recording.events) == (len(BATCHES), EVENTS)
    assert [recording.batch(at) for at in range(recording.end)] == [tuple(batch) for batch in BATCHES]
    assert in_turn(recording) == KNOWN
    assert recording.damage == ""


@pytest.mark.parametrize("content", [PLAIN, KEYED], ids=["events", "keyframes"])
def test_jumps_anywhere(opened: Opened, content: bytes) -> None:
    positions = list(range(len(KNOWN)))
    random.Random(1).shuffle(positions)
    recording = opened(content)
    assert all(recording.at(position) == KNOWN[position] for position in positions)


def test_a_keyframe_is_used_instead_of_the_events_before_it(opened: Opened) -> None:
    first = parts_of(KEYED, BlockType.EVENTS)[0]
    assert opened(with_payload(KEYED, first, b"\xc0")).at(10) == KNOWN[10]


def test_a_chunk_that_did_not_change_is_written_once() -> None:
    still = [[LogWritten(T0, "wsgi", 0, ("a line",))]] * 40
    content = recorded([*BATCHES, *still], keyframe_batches=1)
    written = parts_of(content, BlockType.KEYFRAME)
    assert len(written) == len(BATCHES) + 40
    last_that_changed = written[len(BATCHES) - 1]
    chunks = parts_of(content, BlockType.CHUNK)
    assert len(chunks) > 2
    assert chunks[-1].end <= last_that_changed.start


def test_snapshots_are_built_on_the_way_where_there_is_no_keyframe(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording_module, "KEYFRAME_EVENTS", 20)
    monkeypatch.setattr(recording_module, "BUILT_KEPT", 3)
    recording = opened(PLAIN)
    assert [recording.at(position) for position in range(recording.end, -1, -1)] == KNOWN[::-1]


def test_the_position_at_a_time_is_that_of_the_batches_up_to_it(opened: Opened) -> None:
    recording = opened(PLAIN)
    for position in range(1, recording.end + 1):
        assert recording.t_ns(position) == KNOWN[position].state.t_ns
        found = recording.position_at(KNOWN[position].state.t_ns)
        assert found >= position
        assert KNOWN[found].state.t_ns == KNOWN[position].state.t_ns
    assert recording.position_at(recording.start_ns - 1) == 0
    assert recording.position_at(recording.end_ns) == recording.end


def test_says_what_wrote_it_and_when_the_run_was_fired(opened: Opened) -> None:
    recording = opened(PLAIN)
    assert recording.version
    assert recording.created.startswith("20")
    assert recording.fired_ns == T0 + 2_000_000
    assert opened(recorded([[LogWritten(T0, "wsgi", 0, ("a line",))]])).fired_ns is None


def test_keyframes_of_another_version_are_not_used(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyframes, "layout", lambda: b"9.9 other\n")
    recording = opened(KEYED)
    assert recording.at(recording.end) == KNOWN[-1]
    assert recording.damage == ""


def test_texts_without_utf8_are_recorded_as_escapes(opened: Opened) -> None:
    recording = opened(recorded([[LogWritten(T0, "wsgi", 0, ("caf\udce9",))]]))
    assert recording.batch(0) == (LogWritten(T0, "wsgi", 0, ("caf\\udce9",)),)


def test_a_password_is_never_written(opened: Opened) -> None:
    dsn = "postgresql://someone:hunter2@localhost/db"
    content = recorded([[SettingsChanged(T0, "", 0, {"scenario": "db", "dsn": dsn})]], keyframe_batches=1)
    assert parts_of(content, BlockType.KEYFRAME)
    assert not [part for part in parts(content) if b"hunter2" in part.raw]
    assert opened(content).at(1).state.settings.dsn == "given"


# --- damage --------------------------------------------------------------------------------------------------------


def test_what_is_cut_off_is_told_and_the_rest_is_shown(opened: Opened) -> None:
    blocks = parts_of(PLAIN, BlockType.EVENTS)
    for torn in range(1, min(blocks[1].end - blocks[0].end, 1000), 41):
        recording = opened(PLAIN[: blocks[0].end + torn])
        assert recording.at(recording.end) == KNOWN[5]
        assert recording.damage == f"1 part of the file ({torn} bytes) can't be read; {NO_END}"


def test_a_file_that_only_lacks_its_end_says_no_more_than_that(opened: Opened) -> None:
    end = parts(PLAIN)[-1]
    recording = opened(PLAIN[: end.start])
    assert in_turn(recording) == KNOWN
    assert recording.damage == NO_END


def test_a_damaged_block_costs_its_own_batches_and_how_many_is_told(opened: Opened) -> None:
    block = parts_of(PLAIN, BlockType.EVENTS)[1]
    for at in range(block.start, block.end, 43):
        recording = opened(with_flipped_byte(PLAIN, at))
        batches = [recording.batch(position) for position in range(recording.end)]
        assert batches == [tuple(batch) for batch in BATCHES[:5] + BATCHES[10:]]
        assert f"{block.header.events} events are missing" in recording.damage


def test_the_next_keyframe_makes_good_what_is_missing(opened: Opened) -> None:
    block = parts_of(KEYED, BlockType.EVENTS)[0]
    recording = opened(with_flipped_byte(KEYED, block.end - 1))
    lost = 5
    assert recording.at(10 - lost) == KNOWN[10]
    assert recording.at(recording.end) == KNOWN[-1]
    assert in_turn(recording)[10 - lost :] == KNOWN[10:]


def test_a_damaged_chunk_or_keyframe_costs_only_time(opened: Opened) -> None:
    for type in (BlockType.CHUNK, BlockType.KEYFRAME):
        for part in parts_of(KEYED, type):
            recording = opened(with_flipped_byte(KEYED, part.end - 1))
            assert [recording.at(position) for position in range(recording.end + 1)] == KNOWN
            assert "events are missing" not in recording.damage


def test_a_batch_that_makes_no_sense_is_left_out(opened: Opened) -> None:
    block = parts_of(PLAIN, BlockType.EVENTS)[1]
    batches = msgspec.msgpack.decode(block.raw)
    batches[2] = [[999, 1, "wsgi", 0]]
    recording = opened(with_payload(PLAIN, block, encode(batches)))
    assert recording.batch(7) == ()
    assert recording.batch(8) == tuple(BATCHES[8])
    assert recording.damage == f"1 of {len(BATCHES)} batches of events make no sense, and are left out"


def test_a_batch_that_can_not_be_applied_is_left_out(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(snapshot: Snapshot, events: object) -> Snapshot:
        raise KeyError("impossible")

    recording = opened(PLAIN)
    monkeypatch.setattr(Snapshot, "after", refuse)
    assert recording.at(3) == KNOWN[0]
    assert recording.damage == f"3 of {len(BATCHES)} batches of events make no sense, and are left out"


def test_a_damaged_first_line_or_opening_is_made_up_for_by_the_other(opened: Opened) -> None:
    for at in (0, len(FIRST_LINE) - 2, len(FIRST_LINE) + 60):
        assert in_turn(opened(with_flipped_byte(PLAIN, at))) == KNOWN


def test_blocks_that_promise_what_they_do_not_have_are_refused(opened: Opened) -> None:
    """None of these takes the memory or the time that it promises."""
    million_arrays = b"\xdd" + (2**20).to_bytes(4, "big") + b"\x90" * 2**20
    deep = b"\xdc\x00\x01" + b"\x91" * 100_000 + b"\x90"
    promised = b"\xdd\xff\xff\xff\xff"
    for raw, batches in (
        (million_arrays, 2**20),
        (million_arrays, 3),
        (deep, 1),
        (promised, 1),
        (promised, 2**32 - 1),
    ):
        block = pack_block(BlockType.EVENTS, raw, EVENTS, batches=batches, events=1)
        recording = opened(PLAIN + block)
        assert in_turn(recording)[: len(KNOWN)] == KNOWN
        assert recording.damage


def test_a_block_is_never_inflated_beyond_what_its_header_says(opened: Opened) -> None:
    with pytest.raises(ValueError, match="a block of"):
        pack_block(BlockType.EVENTS, bytes(LONGEST + 1))
    lying = bytearray(pack_block(BlockType.EVENTS, b"\x91" + bytes(LONGEST - 1), EVENTS, batches=1))
    lying[16:20] = struct.pack("<I", 10)  # its raw length
    lying[HEADER_SIZE - 4 : HEADER_SIZE] = struct.pack("<I", zlib.crc32(lying[: HEADER_SIZE - 4]))
    recording = opened(PLAIN + bytes(lying))
    assert recording.at(recording.end) == KNOWN[-1]
    assert recording.damage == f"1 of {len(BATCHES) + 1} batches of events make no sense, and are left out"


# --- no recording --------------------------------------------------------------------------------------------------


def refused(path: Path) -> str:
    with pytest.raises(UsageError) as caught:
        open_recording(path)
    assert caught.value.hint
    return caught.value.message


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    assert refused(tmp_path) == f"{tmp_path} is a directory"
    assert refused(tmp_path / "fifo") == f"{tmp_path}/fifo is no regular file"
    assert refused(tmp_path / "nothing") == f"can't read {tmp_path}/nothing: No such file or directory"
    assert refused(Path("/dev/null")) == "/dev/null is no regular file"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "is not a wsgiviz recording"),
        (b"wsgiviz recording one\n", "is not a wsgiviz recording"),
        (FIRST_LINE[:-1], "is not a wsgiviz recording"),
        (FIRST_LINE, "has no events that can be read"),
        (PLAIN[: parts(PLAIN)[0].end], "has no events that can be read"),
        (
            b"wsgiviz recording 7\nsomething else",
            "was made by a newer wsgiviz: its format is 7, and this version reads 1",
        ),
    ],
    ids=["empty", "png", "no number", "line cut", "line alone", "preamble alone", "newer"],  # its bytes hold a time
)
def test_what_is_no_recording_is_refused_in_words(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert refused(path) == f"{path} {message}"


def test_a_newer_format_is_recognized_by_its_opening_too(tmp_path: Path) -> None:
    opening = parts(PLAIN)[0]
    path = tmp_path / "file"
    path.write_bytes(with_payload(PLAIN, opening, b'{"format": 2}'))
    assert "was made by a newer wsgiviz" in refused(path)


def test_a_recording_may_be_read_where_it_was_moved_to(tmp_path: Path) -> None:
    (tmp_path / "run.wviz").write_bytes(PLAIN)
    (tmp_path / "link").symlink_to(tmp_path / "run.wviz")
    with open_recording(tmp_path / "link") as recording:
        assert in_turn(recording) == KNOWN


def test_a_recording_without_its_first_blocks_still_shows_the_rest(opened: Opened) -> None:
    block = parts_of(KEYED, BlockType.EVENTS)[0]
    recording = opened(without(KEYED, block))
    assert recording.end == len(BATCHES) - 5
    assert recording.at(recording.end) == KNOWN[-1]
    assert recording.damage == f"{block.header.events} events are missing"
