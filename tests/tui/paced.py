"""What runs apps in tests: frames and drawing when asked for, keys waited for, style sheets parsed once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from rich.console import RenderableType
from textual._compositor import Compositor
from textual._context import visible_screen_stack
from textual.app import App
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.pilot import Pilot
from textual.strip import Strip

from wsgiviz.tui.frame_clock import FPS, FrameClock

DEADLINE_S = 20.0


class AskedClock(FrameClock):
    """Makes a frame when a test asks for one, each a second after the one before, so that all that is drawn a few
    times a second is in each. tests/tui/test_calm.py has the clock that the program has.

    With that, how many frames a test makes follows from how busy the machine is, and it waits for each.
    """

    started = False
    frames = 0

    def tick(self) -> float:
        self.frames += 1
        return float(self.frames)

    @property
    def early(self) -> bool:
        return False

    @property
    def slow(self) -> bool:
        return False

    @property
    def fps(self) -> int:
        return FPS  # as the program's, however fast a test asks

    def start(self) -> None:
        self.started = True

    def calm(self, calm: bool) -> None:
        """Each frame is asked for."""

    def wake(self) -> None:
        """Nor does it sleep."""

    def frame(self) -> None:
        if self.started:
            self._frame()


def run_quickly(run: Callable[[], Awaitable[None]]) -> None:
    """Textual waits after each key until the process is idle, for a second at most. This app may draw frames all the
    time, so that it never is: here it waits for what the key has set off."""

    async def idle(min_sleep: float = 0, max_sleep: float = 0) -> None:
        await handled()

    async def screen_handled(*_: Any) -> bool:
        return await handled()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("textual.app.wait_for_idle", idle)
        patch.setattr("textual.pilot.wait_for_idle", idle)
        patch.setattr(Pilot, "_wait_for_screen", screen_handled)
        patch.setattr(Pilot, "resize_terminal", resize_at_once)
        patch.setattr(Compositor, "render_update", left_for_later)
        patch.setattr(Stylesheet, "_parse_rules", parsed_once)
        asyncio.run(run())  # type: ignore[arg-type]


async def handled() -> bool:
    """Wait until nothing is left to do: every task waits for a time, for another thread, or for a message.

    Textual's way is a message to each of a screen's widgets, some hundred at each key.
    """
    ready = asyncio.get_running_loop()._ready  # type: ignore[attr-defined]
    async with asyncio.timeout(DEADLINE_S):
        while ready:  # noqa: ASYNC110  # nothing says when the loop has no more to do
            await asyncio.sleep(0)
    return True


_resize_terminal = Pilot.resize_terminal


async def resize_at_once(pilot: Pilot[Any], width: int, height: int) -> None:
    """Textual passes a new size on a hundredth of a second later, in case that there is another."""
    await _resize_terminal(pilot, width, height)
    pilot.app._check_resize()
    await pilot.pause()


_render_update = Compositor.render_update


def left_for_later(compositor: Compositor, full: bool = False, **kwargs: Any) -> RenderableType | None:
    """Without a terminal nobody sees what Textual draws at each change, for nearly half of the time that tests take:
    `draw` does it."""
    return _render_update(compositor, full, **kwargs) if full else None


def draw(app: App[Any]) -> None:
    """Draw what has changed since, as on a terminal: so that a widget that isn't refreshed stays as it was then."""
    compositor = app.screen._compositor
    if compositor._dirty_regions:
        _render_update(compositor, screen_stack=app._background_screens)


def shown(app: App[Any]) -> list[Strip]:
    """The terminal's lines as they are now; a dialog's are laid over those of the screens below it."""
    visible_screen_stack.set(app._background_screens)
    return app.screen._compositor.render_strips()


_parse_rules = Stylesheet._parse_rules
_parsed: dict[tuple[Any, ...], list[RuleSet]] = {}


def parsed_once(sheet: Stylesheet, css: str, *args: Any, **kwargs: Any) -> list[RuleSet]:
    """The rules of ``css``, which all apps of a process share. An app parses its style sheets at its start and at
    each change of theme, for a fifth of the time that most tests take. Textual keeps rules too, for one app."""
    key = (css, args, tuple(sorted(kwargs.items())), frozenset(sheet._variables.items()))
    if key not in _parsed:
        _parsed[key] = _parse_rules(sheet, css, *args, **kwargs)
    return _parsed[key]
