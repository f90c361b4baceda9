"""Recordings that were damaged, or made to do harm: a message, and what is readable, and nothing else."""

from __future__ import annotations

import contextlib
import random
import tempfile
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit import hostile_events
from tests.unit.plausible_runs import randoms, run
from tests.unit.recordings import parts, recorded, with_payload
from wsgiviz.errors import UsageError, WsgivizError
from wsgiviz.log import Player, Snapshot, open_recording
from wsgiviz.log.encoder import RecordingEncoder
from wsgiviz.log.format import BlockType
from wsgiviz.log.keyframes import layout
from wsgiviz.log.packing import encode
from wsgiviz.report.replay import run_replay

BATCHES = run(random.Random(3), most=4)
WHOLE = recorded(BATCHES, keyframe_batches=4, block_batches=3)
PARTS = parts(WHOLE)
KNOWN = [Snapshot()]
for _batch in BATCHES:
    KNOWN.append(KNOWN[-1].after(tuple(_batch)))

modest = settings(max_examples=40, deadline=None)


def walked(content: bytes) -> tuple[list[Snapshot], str]:
    """Opens a recording, and goes through it in every way. Gives what was known, and what is said of damage."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.wviz"
        path.write_bytes(content)
        with open_recording(path) as recording:
            found = list(recording.snapshots())
            for position in (recording.end, 0, recording.end // 2, recording.end // 3):
                recording.at(position)
            times = [recording.t_ns(position) for position in range(1, recording.end + 1)]
            assert times == sorted(times)
            player = Player(recording)
            player.advance(0)
            player.advance(10**9)
            player.seek(recording.start_ns)
            player.step(2)
            player.step(-1)
            assert recording.damage.isprintable()
            return found, recording.damage


def shown(content: bytes) -> tuple[list[Snapshot], str]:
    """The same; for what is refused as no recording, nothing and the reason."""
    try:
        return walked(content)
    except UsageError as refused:
        return [], refused.message


def damaged(random: Random) -> bytes:
    content = bytearray(WHOLE)
    for _ in range(random.randint(1, 3)):
        at, length = random.randrange(len(content)), random.choice((1, 2, 50, 1000))
        match random.randrange(5):
            case 0:
                del content[at:]
            case 1:
                del content[at : at + length]
            case 2:
                content[at:at] = content[at // 2 : at // 2 + length]
            case 3:
                content[at:at] = random.randbytes(length)
            case _:
                content[at] ^= 1 << random.randrange(8)
        if not content:
            break
    return bytes(content)


@modest
@given(st.integers(0, len(WHOLE)))
def test_cut_at_any_byte_the_beginning_is_shown(cut: int) -> None:
    whole = sum(part.header.batches for part in PARTS if part.end <= cut)
    found, message = shown(WHOLE[:cut])
    assert found == (KNOWN[: whole + 1] if whole else [])
    assert bool(message) == (cut < len(WHOLE))


@modest
@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 7))
def test_a_flipped_bit_costs_no_more_than_its_block(at: int, bit: int) -> None:
    content = bytearray(WHOLE)
    content[at] ^= 1 << bit
    lost = next((part.header.batches for part in PARTS if part.start <= at < part.end), 0)
    found, message = walked(bytes(content))
    assert len(found) == len(KNOWN) - lost
    assert message or at < PARTS[0].start


@modest
@given(randoms)
def test_any_damage_leaves_a_message_or_what_is_readable(random: Random) -> None:
    found, message = shown(damaged(random))
    assert message or found == KNOWN


@modest
@given(st.binary(max_size=300))
def test_other_files_are_refused(content: bytes) -> None:
    found, message = shown(content)
    assert not found
    assert message.endswith(("is empty", "is not a wsgiviz recording"))


# --- right sums, wrong contents ------------------------------------------------------------------------------------

STRANGE: tuple[Any, ...] = (
    None,
    True,
    -1,
    2**63,
    2**64 - 1,
    0.5,
    float("nan"),
    "",
    "\x1b[31m",
    b"\xff",
    [],
    [[]],
    {},
    {1: 2},
)


def tampered(random: Random, value: Any) -> Any:
    """``value`` with something else in one place."""
    if isinstance(value, dict) and value and random.random() < 0.9:
        name = random.choice(list(value))
        return {**value, name: tampered(random, value[name])}
    if isinstance(value, list | tuple) and value and random.random() < 0.9:
        at = random.randrange(len(value))
        changed = [
            *value[:at],
            *random.choice(([], [tampered(random, value[at])], [tampered(random, value[at])] * 2)),
        ]
        return type(value)([*changed, *value[at + 1 :]])
    return random.choice(STRANGE)


def report(content: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    """Replays it headless: no escape sequence reaches the terminal, whatever else is said."""
    capsys.readouterr()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.wviz"
        path.write_bytes(content)
        with contextlib.suppress(WsgivizError):
            run_replay(str(path), "-", ledger=True)
        printed = capsys.readouterr()
    assert all(char.isprintable() or char == "\n" for char in printed.out + printed.err)


@pytest.fixture
def plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.delenv("FORCE_COLOR", raising=False)


@pytest.mark.usefixtures("plain_terminal")
def test_contents_that_were_tampered_with_do_no_harm(capsys: pytest.CaptureFixture[str]) -> None:
    @modest
    @given(randoms)
    def replay(random: Random) -> None:
        part = random.choice([part for part in PARTS if part.header.type not in (BlockType.END, BlockType.OPENING)])
        prefix = layout() if part.header.type == BlockType.KEYFRAME else b""
        value = msgspec.msgpack.decode(part.raw[len(prefix) :])
        for _ in range(random.randint(1, 3)):
            value = tampered(random, value)
        content = with_payload(WHOLE, part, prefix + encode(value))
        walked(content)
        report(content, capsys)

    replay()


@pytest.mark.usefixtures("plain_terminal")
def test_events_that_make_no_sense_do_no_harm(capsys: pytest.CaptureFixture[str]) -> None:
    @modest
    @given(randoms)
    def replay(random: Random) -> None:
        encoder, batches = RecordingEncoder(), run(random, most=3)
        for _ in range(random.randint(1, 4)):
            batches.insert(random.randint(0, len(batches)), hostile_events.events(random))
        content = b"".join([encoder.opening(), *(encoder.add(batch) for batch in batches), encoder.end()])
        walked(content)
        report(content, capsys)

    replay()


@modest
@given(randoms)
def test_stepping_and_jumping_come_to_the_same(random: Random) -> None:
    """From any keyframe on, as many events later as one likes."""
    batches = run(random, most=4)
    snapshot, known = Snapshot(), [Snapshot()]
    for batch in batches:
        snapshot = snapshot.after(tuple(batch))
        known.append(snapshot)
    content = recorded(batches, keyframe_batches=random.randint(1, 5), block_batches=random.randint(1, 5))
    assert walked(content) == (known, "")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.wviz"
        path.write_bytes(content)
        with open_recording(path) as recording:
            for _ in range(5):
                position = random.randint(0, recording.end)
                assert recording.at(position) == known[position]
