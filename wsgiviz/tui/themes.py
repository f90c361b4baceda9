"""Our two themes. Any other of Textual's works as well: the panes derive their colours from its background."""

from textual.theme import Theme

WSGIVIZ = Theme(
    name="wsgiviz",
    primary="#E69F00",
    secondary="#56B4E9",
    accent="#E69F00",
    success="#009E73",
    warning="#D55E00",
    error="#D55E00",
    foreground="#C9D1D9",
    background="#0D1117",
    surface="#141B23",
    panel="#1B232D",
    dark=True,
)

STAGE = Theme(
    name="wsgiviz-stage",
    primary="#FFB000",
    secondary="#7CC8FF",
    accent="#FFB000",
    success="#00C896",
    warning="#FF7A1A",
    error="#FF7A1A",
    foreground="#FFFFFF",
    background="#000000",
    surface="#000000",
    panel="#101010",
    dark=True,
)
"""For a projector: white on black."""
