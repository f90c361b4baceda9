"""Which rows a pane has at a height. The same for both panes, whatever they show, so that rows correspond."""

from __future__ import annotations

from dataclasses import dataclass, replace

NARROW = 50
"""Panes below this width use a narrower column of labels."""

NARROW_LABELS = 7
"""Its width; elsewhere it is that of a lane's head."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How many lines each part has."""

    lanes: int
    axis: bool = False
    in_app: bool = False
    digits: bool = False
    gap_top: bool = False
    gap_middle: bool = False
    gap_low: bool = False


EXTRAS: tuple[tuple[str, int], ...] = (
    ("axis", 9),
    ("in_app", 15),
    ("gap_middle", 16),
    ("gap_low", 18),
    ("gap_top", 21),
)
"""What comes in from which height on; everything else is lanes."""

ALWAYS = 3
"""Title, queue, busy."""

DIGITS_FROM = 17
"""From this height on the time stands in large digits, three lines high; below it done and total time have a line
each."""


DROPPED = ("in_app", "gap_low", "gap_top", "gap_middle")
"""What gives way, in this order, where there are more lanes than there is room for."""


def layout(height: int, wanted: int = 0) -> Layout:
    """Of a pane of that height; ``wanted``: so many lanes, if they fit when something gives way for them."""
    plan = _all_parts(height)
    given_up: dict[str, bool] = {}
    for name in DROPPED:
        if plan.lanes + sum(given_up.values()) >= wanted:
            break
        if getattr(plan, name):
            given_up[name] = True
    if plan.lanes + len(given_up) < wanted:
        return plan
    return replace(plan, lanes=plan.lanes + len(given_up), **dict.fromkeys(given_up, False))


def _all_parts(height: int) -> Layout:
    extras = {name: height >= least for name, least in EXTRAS}
    digits = height >= DIGITS_FROM
    rest = ALWAYS + (3 if digits else 2) + sum(extras.values())
    return Layout(lanes=max(0, height - rest), digits=digits, **extras)
