"""The speaker's notes on a second terminal: they follow the first one, and trust nothing that they read."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from textual.pilot import Pilot

from tests.tui.hostile import HOSTILE
from tests.tui.lesson_seat import Pupil, lesson, teach
from tests.tui.test_colours import words_of
from wsgiviz.errors import WsgivizError
from wsgiviz.tui.lesson.position import FILE, Position, Publisher, folder, read_position
from wsgiviz.tui.notes_app import NotesApp
from wsgiviz.tui.render.palette import TEXT_CONTRAST
from wsgiviz.tui.screens.notes import clock

DEADLINE_S = 20.0

AT = Position(
    "A blocked worker", "02-blocked.md", 1, 9, "What to watch", "Ask *who* has.", "How long?", 65.0, 0.0, False
)


def follow(place: Path, check: Callable[[Callable[[str], Awaitable[str]]], Awaitable[None]]) -> None:
    """Run notes in ``place``; ``check`` gets a function that waits for words and gives the screen."""

    async def run() -> None:
        app = NotesApp(place)
        async with app.run_test(size=(80, 24)) as pilot:
            await check(lambda words: reads(pilot, words))

    asyncio.run(run())


async def reads(pilot: Pilot[Any], words: str) -> str:
    deadline = time.monotonic() + DEADLINE_S
    while True:
        text = "\n".join(strip.text for strip in pilot.app.screen._compositor.render_strips())
        if words in " ".join(text.split()):  # a path may break the line anywhere
            return text
        assert time.monotonic() < deadline, f"never came: {words}\n{text}"
        await pilot.pause(0.01)


def test_notes_follow_the_lesson_and_its_end(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path)

    async def check(reads: Callable[[str], Awaitable[str]]) -> None:
        await reads("No lesson is on.")
        publisher.publish(AT)
        text = await reads("Ask who has.")
        assert "1/9  A blocked worker: What to watch" in text
        assert "Next  How long?" in text
        assert "1:05  paused" in text
        publisher.publish(msgspec.structs.replace(AT, step=9, title="The end", notes="", upcoming=""))
        text = await reads("There are no notes for this step.")
        assert "this was the last step" in text
        publisher.close()
        await reads("No lesson is on.")

    follow(tmp_path, check)


@pytest.mark.parametrize("size", [(80, 24), (60, 16)], ids=["80x24", "60x16"])
def test_its_words_can_be_read_in_ascii_too_and_its_keys_are_in_sight(tmp_path: Path, size: tuple[int, int]) -> None:
    publisher = Publisher(tmp_path)
    publisher.publish(AT)

    async def run(ascii: bool) -> None:
        app = NotesApp(tmp_path, ascii)
        async with app.run_test(size=size) as pilot:
            text = await reads(pilot, "Ask who has.")
            assert "q quit" in text.split("\n")[-1]
            assert text.isascii() or not ascii, text
            words = words_of(app.screen._compositor.render_strips())
            assert len(words) > 5
            assert [(word, ratio) for word, ratio in words if ratio < TEXT_CONTRAST] == []

    try:
        for ascii in (False, True):
            asyncio.run(run(ascii))
    finally:
        publisher.close()


def test_the_timer_goes_on_from_where_it_was() -> None:
    running = msgspec.structs.replace(AT, elapsed_s=60.0, at_s=1000.0, running=True)
    assert running.timer_s(1005.0) == 65.0
    assert msgspec.structs.replace(running, running=False).timer_s(1005.0) == 60.0
    assert (clock(65.0), clock(3725.0), clock(-1.0)) == ("1:05", "1:02:05", "0:00")


def test_a_lesson_says_where_it_is_and_when_its_timer_pauses(tmp_path: Path) -> None:
    async def check(pupil: Pupil) -> None:
        def position() -> Position | None:
            return read_position(tmp_path)

        await pupil.until(lambda: (at := position()) is not None and at.notes == "Ask who has raised --workers.")
        at = position()
        assert at is not None
        assert (at.lesson, at.step, at.steps, at.upcoming, at.running) == (
            "A blocked worker",
            1,
            9,
            "How long?",
            True,
        )
        await pupil.press("t")
        await pupil.until(lambda: (at := position()) is not None and not at.running, "a timer that is paused")
        await pupil.press("space")
        await pupil.until(lambda: (at := position()) is not None and at.step == 2, "the next step")

    teach(check, lesson(), home=tmp_path)
    assert read_position(tmp_path) is None


def test_a_timer_that_runs_is_written_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[bytes] = []
    monkeypatch.setattr("wsgiviz.tui.lesson.position.replace_file", lambda path, data: written.append(data))
    publisher = Publisher(tmp_path)
    for second in range(5):
        publisher.publish(msgspec.structs.replace(AT, elapsed_s=5.0 + second, at_s=100.0 + second, running=True))
    assert len(written) == 1
    publisher.publish(msgspec.structs.replace(AT, elapsed_s=9.0, at_s=104.0, running=False))
    assert len(written) == 2
    publisher.close()


def test_the_first_lesson_is_followed_until_it_ends(tmp_path: Path) -> None:
    first, second = Publisher(tmp_path), Publisher(tmp_path)
    other = msgspec.structs.replace(AT, lesson="Another one")
    first.publish(AT)
    second.publish(other)
    assert read_position(tmp_path) == AT
    second.close()
    assert read_position(tmp_path) == AT
    first.close()
    second.publish(other)
    assert read_position(tmp_path) == other
    second.close()


def test_what_a_dead_lesson_has_left_is_no_position(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(msgspec.json.encode(AT))
    (tmp_path / "lesson.lock").write_bytes(b"")
    assert read_position(tmp_path) is None


BAD = {
    "no JSON": b"{",
    "nested": b"[" * 100_000,
    "another type": b'{"lesson": 1}',
    "a field more": msgspec.json.encode({**msgspec.to_builtins(AT), "run": "rm"}),
    "too long": b" " * 300_000 + msgspec.json.encode(AT),
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD.keys())
def test_what_is_no_position_is_said_and_survived(tmp_path: Path, data: bytes) -> None:
    publisher = Publisher(tmp_path)
    publisher.publish(AT)
    (tmp_path / FILE).write_bytes(data)
    with pytest.raises(WsgivizError, match="has no position of a lesson"):
        read_position(tmp_path)

    async def check(reads: Callable[[str], Awaitable[str]]) -> None:
        await reads("has no position")
        publisher.publish(msgspec.structs.replace(AT, step=2))
        await reads("2/9")

    follow(tmp_path, check)
    publisher.close()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path / "mine")
    (tmp_path / "mine").mkdir()
    publisher.publish(AT)
    (tmp_path / "else").write_bytes(msgspec.json.encode(AT))
    (tmp_path / "mine" / FILE).unlink()
    (tmp_path / "mine" / FILE).symlink_to(tmp_path / "else")
    with pytest.raises(WsgivizError, match="can't read"):
        read_position(tmp_path / "mine")
    publisher.close()


def test_words_of_strangers_do_nothing_in_the_notes(tmp_path: Path) -> None:
    hostile = HOSTILE.encode("utf-8", "ignore").decode()
    publisher = Publisher(tmp_path)
    publisher.publish(
        msgspec.structs.replace(AT, lesson=hostile, title=hostile, notes=f"x {hostile}", upcoming=hostile)
    )

    async def check(reads: Callable[[str], Awaitable[str]]) -> None:
        text = await reads("[bold]not bold[/]")
        assert not {char for char in text if not char.isprintable()} - {"\n"}

    follow(tmp_path, check)
    publisher.close()


def test_the_folder_is_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "run").mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    found = folder()
    assert found == tmp_path / "run" / "wsgiviz"
    assert found.stat().st_mode & 0o777 == 0o700
    found.chmod(0o755)
    assert folder() == tmp_path / "cache" / "wsgiviz" / "lesson"  # one that others can look into is not used
    (tmp_path / "cache" / "wsgiviz" / "lesson").chmod(0o777)
    with pytest.raises(WsgivizError, match="only you can use"):
        folder()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_somebody_else_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder().chmod(0o700)
    os.chown(tmp_path / "wsgiviz", 1, 1)
    assert folder() == tmp_path / "cache" / "wsgiviz" / "lesson"
