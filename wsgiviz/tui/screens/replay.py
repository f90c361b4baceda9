"""The live screen on what is played back: a recording, or the log of a session whose servers go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from wsgiviz.tui import intents
from wsgiviz.tui.feed import Frame, Pace, Playback
from wsgiviz.tui.render.glyphs import Glyphs
from wsgiviz.tui.screens.bindings import (
    CONTROL,
    LEAVE,
    PLAYBACK,
    PLAYBACK_HINTS,
    REPLAY_HINTS,
    REPLAY_STAGE_HINTS,
    VIEW,
    keys_of,
)
from wsgiviz.tui.screens.jump import Jump, JumpScreen
from wsgiviz.tui.screens.live import LiveScreen
from wsgiviz.tui.screens.live_sizes import CLOCK_S
from wsgiviz.tui.widgets.code import CodePane
from wsgiviz.tui.widgets.keys import Hint, Keys
from wsgiviz.tui.widgets.scrub_bar import ScrubBar

NO_SERVERS = sorted(set(keys_of(CONTROL)) - set(keys_of(PLAYBACK)))
"""Keys that do something on the live screen and nothing here; they say so."""


class ReplayScreen(LiveScreen, inherit_bindings=False):
    """The live screen with the keys and the bar of playback."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *PLAYBACK,
        *VIEW,
        Binding("d", "deaths", "deaths", show=False),
        Binding(",".join(NO_SERVERS), "no_servers", "", show=False),
    ]
    HINTS: ClassVar[Sequence[Hint]] = REPLAY_HINTS
    STAGE_HINTS: ClassVar[Sequence[Hint]] = REPLAY_STAGE_HINTS
    BARS = 1

    def __init__(self, frame: Frame, glyphs: Glyphs) -> None:
        super().__init__(frame, glyphs)
        self._cuts = -1
        self._bar_pace = Pace(CLOCK_S)

    def bars(self) -> Iterator[Widget]:
        yield ScrubBar(self.glyphs)

    def _draw(self) -> None:
        playhead = self.frame.playhead
        if playhead is not None:
            if playhead.cuts != self._cuts:
                self._cuts = playhead.cuts
                self._show_keys()
                self._bar_pace.reset()
                for pane in self._panes:
                    pane.forget()
            if self._bar_pace.due(self.frame.shown_s) or not self.frame.playing:
                at_ns = self.frame.now_ns if playhead.at_ns is None else playhead.at_ns
                self.query_one(ScrubBar).show(playhead, at_ns)
        super()._draw()

    # --- what is asked of the playback ------------------------------------------------------------------------------

    def _ask(self, ask: Callable[[Playback], str | None]) -> None:
        self.post_message(intents.AskPlayback(ask))

    def action_toggle_playback(self) -> None:
        self._ask(lambda playback: playback.toggle())

    def action_step(self, by: int) -> None:
        self._ask(lambda playback: playback.step(by))

    def action_faster(self, by: int) -> None:
        self._ask(lambda playback: playback.faster(by))

    def action_slow_motion(self) -> None:
        self._ask(lambda playback: playback.slow_motion())

    def action_restart(self) -> None:
        self._ask(lambda playback: playback.restart())

    def action_to_end(self) -> None:
        self._ask(lambda playback: playback.to_end())

    def action_loop(self) -> None:
        self._ask(lambda playback: playback.toggle_loop())

    def on_scrub_bar_chosen(self, message: ScrubBar.Chosen) -> None:
        self._ask(lambda playback: playback.seek(message.t_ns))

    def action_jump(self) -> None:
        self.app.push_screen(JumpScreen(self.frame, self.glyphs), self._jump)

    def _jump(self, jump: Jump | None) -> None:
        if jump is None:
            return
        if jump.mark is not None:
            mark = jump.mark
            self._ask(lambda playback: playback.go_to(mark))
        elif jump.request:
            self._ask(lambda playback: self._follow_found(playback, jump.request))
        else:
            self._ask(lambda playback: playback.seek(playback.playhead.zero_ns + round(jump.seconds * 1e9)))

    def _follow_found(self, playback: Playback, number: int) -> str | None:
        found = playback.find(number)
        self.followed = found or self.followed
        return None if found else f"There is no request #{number} in this run."

    def action_deaths(self) -> None:
        from wsgiviz.tui.screens.deaths import DeathsScreen

        self.app.push_screen(DeathsScreen(self.frame, self.glyphs))

    def _show_keys(self) -> None:
        super()._show_keys()
        if self.frame.state.attached and not self.stage:
            self.query_one(Keys).show([*self.HINTS[:4], ("d", "deaths"), *self.HINTS[4:]])

    def action_no_servers(self) -> None:
        self.post_message(intents.AskServers())


class PastScreen(ReplayScreen, inherit_bindings=False):
    """The same over a screen whose servers go on; it is seen as that was, and is left for it again."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *LEAVE,
        *PLAYBACK,
        *(binding for binding in VIEW if isinstance(binding, Binding) and binding.key != "escape"),
        Binding("d", "deaths", "deaths", show=False),
        Binding(",".join(NO_SERVERS), "no_servers", "", show=False),
    ]
    HINTS: ClassVar[Sequence[Hint]] = PLAYBACK_HINTS
    _left_for: LiveScreen

    def see_as(self, other: LiveScreen) -> None:
        """Through the same viewport, with the same lanes, code and theme as ``other``."""
        self.viewport, self.followed = other.viewport, other.followed
        self._by_request, self._code_wanted = other._by_request, other._code_wanted
        self._theme_before, self._foretells = other._theme_before, other._foretells
        self.set_class(other.has_class("stage"), "stage")
        self._left_for = other

    def on_mount(self) -> None:
        """`LiveScreen.on_mount` comes after this: Textual calls both."""
        self.query_one(CodePane).stand(above=self.stage)

    def action_leave(self) -> None:
        """What was made big, or no longer is, stays so."""
        other = self._left_for
        other.set_class(self.has_class("stage"), "stage")
        other.query_one(CodePane).stand(above=self.stage)
        other._theme_before = self._theme_before
        self.dismiss()
