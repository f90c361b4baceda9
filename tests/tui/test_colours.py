"""Colours of the screens: in every theme all that is said can be read, and without colour the words say it all."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from rich.color import Color
from textual.color import Color as Colour
from textual.strip import Strip
from textual.theme import BUILTIN_THEMES

from tests.tui.kept import TIMES, Kept
from tests.tui.stand_in import Seat, StandIn, watch
from wsgiviz.tui.app import WsgivizApp
from wsgiviz.tui.render.palette import COLOURS, STAGE_CONTRAST, TEXT_CONTRAST, contrast
from wsgiviz.tui.widgets.code import Listing

THEMES = [*BUILTIN_THEMES, "wsgiviz", "wsgiviz-stage"]


def test_no_theme_is_missed() -> None:
    feed = StandIn()
    assert set(WsgivizApp(feed, feed.controls).available_themes) == set(THEMES)


@pytest.mark.parametrize("time", ["middle", "done"])
def test_in_every_theme_all_words_of_the_screen_can_be_read(time: str) -> None:
    """While it runs, and at its end with the verdict; header, sentence, code and keys included."""

    async def check(seat: Seat) -> None:
        drawn = set()
        for theme in THEMES:
            seat.app.theme = theme
            await seat.frames(2)
            least = STAGE_CONTRAST if theme == "wsgiviz-stage" else TEXT_CONTRAST
            words = words_of(seat.strips)
            assert len(words) > 60
            assert [(theme, text, round(ratio, 2)) for text, ratio in words if ratio < least] == []
            drawn.add(tuple(words))
        assert len(drawn) > len(THEMES) // 2, "each is drawn in its own colours"

    watch(check, Kept("sleep", time), (120, 45))


def test_on_stage_all_words_have_more_contrast() -> None:
    async def check(seat: Seat) -> None:
        await seat.press("b")
        await seat.frames(3)
        words = words_of(seat.strips)
        assert len(words) > 20
        assert [(text, round(ratio, 2)) for text, ratio in words if ratio < STAGE_CONTRAST] == []

    watch(check, Kept("sleep", "middle"), (80, 24), theme="textual-light")


def words_of(strips: Iterable[Strip]) -> list[tuple[str, float]]:
    """Each piece of text with its contrast; what the terminal's own colours decide counts as read."""
    found = []
    for text, style, _ in (segment for strip in strips for segment in strip):
        if any(char.isalnum() for char in text) and style is not None:
            colours = [colour for colour in (style.color, style.bgcolor) if colour and colour.triplet]
            front, back = (Colour.from_rich_color(colour) for colour in colours) if len(colours) == 2 else FAR
            found.append((text, contrast(front, back)))
    return found


FAR = Colour(0, 0, 0), Colour(255, 255, 255)


# --- one colour, one meaning ----------------------------------------------------------------------------------------


def hues(strips: Iterable[Strip], orange: Colour) -> list[str]:
    """Each piece of text, or block, that is drawn in ``orange`` or on it."""
    found = []
    for text, style, _ in (segment for strip in strips for segment in strip):
        colours = [style.color, style.bgcolor] if style is not None else []
        drawn = [Colour.from_rich_color(colour) for colour in colours if colour is not None and colour.triplet]
        if text.strip() and any(near(colour, orange) for colour in drawn):
            found.append(text.strip())
    return found


def near(one: Colour, other: Colour) -> bool:
    (hue, saturation, _), wanted = one.hsl, other.hsl[0]
    return saturation > 0.4 and abs(hue - wanted) < 0.04


def test_orange_stands_where_something_is_blocked_and_nowhere_else() -> None:
    orange = Colour.parse(COLOURS["wsgiviz-blocked"])

    async def blocked(seat: Seat) -> None:
        await seat.frames(3)
        left = seat.panes[0].region
        drawn = hues(seat.strips, orange)
        assert "4 of 4 blocked" in drawn
        code = seat.app.live.query_one("#code-left", Listing).region
        outside = [
            hues([strip.crop(0, left.x), strip.crop(left.right, 120)], orange)
            for y, strip in enumerate(seat.strips)
            if not code.y <= y < code.bottom
        ]
        assert [words for words in outside if words] == []

    async def idle(seat: Seat) -> None:
        await seat.frames(3)
        assert hues(seat.strips, orange) == []

    watch(blocked, Kept("sleep", "middle"), (120, 45))
    nothing = StandIn()
    nothing.state = nothing.state.__class__()
    watch(idle, nothing, (120, 45))


def drawn_as(strips: Iterable[Strip]) -> set[str]:
    """Which of blocked and computing the lanes have areas of: by the nearer hue."""
    hue = {name: Colour.parse(COLOURS[f"wsgiviz-{name}"]).hsl[0] for name in ("blocked", "computing")}
    found = set()
    for text, style, _ in (segment for strip in strips for segment in strip):
        for drawn in (style.color, style.bgcolor) if style is not None and set(text) & set("█▞") else ():
            if drawn is not None and drawn.triplet:
                here, saturation, _ = Colour.from_rich_color(drawn).hsl
                name = min(hue, key=lambda name: abs(hue[name] - here))
                found |= {name} if saturation > 0.4 and abs(hue[name] - here) < 0.03 else set()
    return found


@pytest.mark.parametrize(
    ("scenario", "colours"),
    [("cpu", ({"computing"}, {"computing"})), ("blocking-in-async", ({"blocked"}, {"blocked"}))],
)
@pytest.mark.parametrize("time", TIMES)
def test_what_a_lane_has_been_keeps_its_colour(scenario: str, colours: tuple[set[str], ...], time: str) -> None:
    """By request and by worker; while it runs, and when it is over."""

    async def check(seat: Seat) -> None:
        for keys in ((), ("v",)):
            await seat.press(*keys)
            await seat.frames(3)
            for pane, wanted in zip(seat.panes, colours, strict=True):
                lanes = pane.region.shrink((5, 0, 4, 0))
                strips = [strip.crop(lanes.x, lanes.right) for strip in seat.strips[lanes.y : lanes.bottom]]
                assert drawn_as(strips) == wanted, (keys, pane.id)

    watch(check, Kept(scenario, time), (120, 36))


@pytest.mark.parametrize(("name", "side", "colour"), [("sleep", "left", "blocked"), ("cpu", "left", "computing")])
def test_a_mark_in_the_code_has_the_colour_of_what_is_done_there(name: str, side: str, colour: str) -> None:
    async def check(seat: Seat) -> None:
        await seat.frames(3)
        listing = seat.app.live.query_one(f"#code-{side}", Listing)
        region, wanted = listing.region, listing.palette.colour(f"{colour}!")
        strips = [strip.crop(region.x, region.right) for strip in seat.strips[region.y : region.bottom]]
        marked = [
            Colour.from_rich_color(style.color)
            for strip in strips
            for text, style, _ in strip
            if style is not None and style.color is not None and text.strip() == seat.app.glyphs.here
        ]
        assert marked
        assert set(marked) == {wanted}

    watch(check, Kept(name, "middle"), (160, 50))


# --- without colour -------------------------------------------------------------------------------------------------


def test_without_colour_the_words_say_it_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def check(seat: Seat) -> None:
        await seat.reads("4 of 4 blocked")
        styles = [style for strip in seat.strips for _, style, _ in strip if style]
        colours = {colour for style in styles for colour in (style.color, style.bgcolor) if colour}
        assert colours
        assert [colour for colour in colours if not is_grey(colour)] == []

    watch(check)


def is_grey(colour: Color) -> bool:
    return colour.triplet is None or len(set(colour.triplet)) == 1
