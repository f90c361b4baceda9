"""Texts that would do something to a terminal, and whether they did."""

from __future__ import annotations

import unicodedata

from tests.tui.stand_in import Seat

HOSTILE = (
    "[bold]not bold[/] \x1b[2J\x1b]0;owned\x07 \x00\x08\x7f\x9b31m \u202ebackwards\u200b \ud800 [@click=app.quit]x[/]"
)
INERT = r"[bold]not bold[/] \x1b[2J\x1b]0;owned\x07 \x00\x08\x7f\x9b31m \u202ebackwards"


def harmless(seat: Seat) -> bool:
    """No character on the screen does anything but stand there."""
    return all(unicodedata.category(char)[0] != "C" for line in seat.lines for char in line)
