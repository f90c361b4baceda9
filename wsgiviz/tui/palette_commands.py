"""The palette, and its commands that every screen has."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from textual.app import App, SystemCommand


def common_commands(app: App[Any], quits: str = "Stop everything, and quit") -> Iterator[SystemCommand]:
    """Each theme is found by its name. Textual's own "Keys" is left out: it would push the panes aside, and the help
    explains the keys. ``quits``: what becomes of what is shown."""
    yield SystemCommand("Quit", quits, app.action_quit)
    yield SystemCommand("Screenshot", "Save the screen as an SVG file", app.deliver_screenshot)
    for name in sorted(app.available_themes):
        yield SystemCommand(f"Theme {name}", "Colours of all that is shown", partial(setattr, app, "theme", name))


def open_palette(app: App[Any], ascii_only: bool) -> None:
    from wsgiviz.tui.screens.palette_screen import PaletteScreen

    if not isinstance(app.screen, PaletteScreen):
        app.push_screen(PaletteScreen(ascii_only))
