"""Two recordings as one screen shows them: the same side of both, on one axis."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

from wsgiviz.analysis import metrics
from wsgiviz.analysis.captions import Caption, Tone, caption
from wsgiviz.analysis.lints import wording
from wsgiviz.analysis.prediction import prediction
from wsgiviz.analysis.side_captions import caption_of
from wsgiviz.settings import Settings
from wsgiviz.state import Side
from wsgiviz.tui.feed import Frame
from wsgiviz.tui.live_view import LiveView, answered_all, ratios
from wsgiviz.tui.render.contract_rows import ContractView
from wsgiviz.tui.render.head_rows import NAME_GAP
from wsgiviz.tui.render.view import PaneView
from wsgiviz.tui.render.window import Window, window
from wsgiviz.tui.widgets.header import HeaderView

DIFFERENCES = 3
"""So many settings that differ are named."""


def other_of(frame: Frame) -> Frame:
    """The frame of the recording beside it."""
    playhead = frame.playhead
    return playhead.other if playhead is not None and playhead.other is not None else frame


@dataclass(frozen=True, slots=True)
class PairView(LiveView):
    """The frame and that of the other recording: of both the side `only`. ``names`` are those of the recordings."""

    names: tuple[str, str] = ("A", "B")

    @property
    def halves(self) -> tuple[LiveView, LiveView]:
        """Each alone."""
        frames = self.frame, other_of(self.frame)
        one, other = (
            LiveView(
                frame, self.glyphs, self.viewport, self.followed, self.by_request, stage=self.stage, only=self.only
            )
            for frame in frames
        )
        return one, other

    def panes(self) -> Iterator[PaneView]:
        """None before both have a server."""
        halves = self.halves
        if not all(half.sides for half in halves):
            return
        predictions = [prediction(half.state, self.only) for half in halves]
        pairs = list(zip(halves, predictions, strict=True))
        expected_ns = max(half.expected_ns([found]) for half, found in pairs)
        elapsed_ns = max(half.stopped_ns - half.zero_ns for half in halves)
        shown = window(0, elapsed_ns, expected_ns, self.viewport)
        faster = _ratios(*(half.sides[0] for half in halves))
        for at, ((half, found), name, ratio) in enumerate(zip(pairs, self.names, faster, strict=True)):
            zero, other = half.zero_ns, 1 - at
            view = half.pane(half.sides[0], found, Window(shown.start_ns + zero, shown.end_ns + zero, zero))
            title, rival = f"{view.title}{NAME_GAP}{name}", self.names[other]
            beside = halves[other].sides[0]
            yield dataclasses.replace(view, title=title, badge=name, faster=ratio, rival=rival, beside=beside)

    def contract(self) -> Iterator[ContractView]:
        yield from ()

    def captions(self) -> list[tuple[str, str, Caption]]:
        """A sentence for each recording; when both runs are over, one that compares them."""
        sides = [half.sides[0] if half.sides else None for half in self.halves]
        one, other = sides
        if one is not None and other is not None and one.run.ended_ns and other.run.ended_ns:
            return [("", "", self._compared(one, other))]
        return [
            (name, side.protocol if side is not None else "", self._keyless(_said(half, side)))
            for name, half, side in zip(self.names, self.halves, sides, strict=True)
        ]

    def _compared(self, one: Side, other: Side) -> Caption:
        times = [metrics.makespan_ns(side) for side in (one, other)]
        took = " and ".join(
            f"{name} took {wording.took(side)}" for name, side in zip(self.names, (one, other), strict=True)
        )
        failed = sum(side.run.failed + side.run.bad_status for side in (one, other))
        if not _comparable(one, other):
            return Caption(f"{took}.", Tone.WARN if failed else Tone.PLAIN)
        ratio, faster = max(times) / min(times), self.names[times[1] < times[0]]
        if f"{ratio:.1f}" == "1.0":
            return Caption(f"{took}: as fast as each other.")
        return Caption(f"{took}: {faster} was {ratio:.1f} times faster.", Tone.GOOD)

    def header(self, fps: int) -> HeaderView:
        left, right = (half.state.settings for half in self.halves)
        shown = LiveView.header(self, fps)
        load = differences(left, right)
        return dataclasses.replace(shown, name=" | ".join(self.names), wsgi_call="", asgi_call="", load=load)


def _comparable(one: Side, other: Side) -> bool:
    """Both have answered all, and as many: another number takes another time."""
    if one.run.done != other.run.done:
        return False
    return all(answered_all(side.run) and metrics.makespan_ns(side) > 0 for side in (one, other))


def _ratios(one: Side, other: Side) -> tuple[float, float]:
    return ratios(one, other) if _comparable(one, other) else (0.0, 0.0)


def _said(half: LiveView, side: Side | None) -> Caption:
    frame = half.frame
    if side is None:
        return caption(frame.state, frame.now_ns, frame.occurrences)
    return caption_of(frame.state, side, frame.now_ns, frame.occurrences)


def differences(left: Settings, right: Settings) -> str:
    """Settings that differ: "workers 4 | 8"; the first few of them."""
    one, other = left.given(), right.given()
    names = [name for name in {**one, **other} if one.get(name) != other.get(name)]
    words = [f"{name} {_value(one.get(name))} | {_value(other.get(name))}" for name in names[:DIFFERENCES]]
    more = f", and {len(names) - DIFFERENCES} more" if len(names) > DIFFERENCES else ""
    return ", ".join(words) + more if words else "the same settings"


def _value(value: object) -> str:
    if isinstance(value, dict):
        return ",".join(f"{name}={one}" for name, one in value.items())
    return "default" if value is None else str(value)
