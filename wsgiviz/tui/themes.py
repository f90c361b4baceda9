"""Our two themes: their own colours are neutral, as orange is for what is blocked.

Any other of Textual's works as well: the panes derive their colours from its background.
"""

from textual.theme import Theme

WSGIVIZ = Theme(
    name="wsgiviz",
    primary="#8FA3B8",
    secondary="#56B4E9",
    accent="#C9D1D9",
    success="#009E73",
    warning="#F5F7FA",
    error="#F5F7FA",
    foreground="#C9D1D9",
    background="#0D1117",
    surface="#141B23",
    panel="#1B232D",
    dark=True,
)

STAGE = Theme(
    name="wsgiviz-stage",
    primary="#A9B8C8",
    secondary="#7CC8FF",
    accent="#FFFFFF",
    success="#00C896",
    warning="#FFFFFF",
    error="#FFFFFF",
    foreground="#FFFFFF",
    background="#000000",
    surface="#000000",
    panel="#101010",
    dark=True,
    variables={
        "wsgiviz-contrast": "7",
        "wsgiviz-wsgi": "#FFFFFF",
        "wsgiviz-asgi": "#7CC8FF",
        "wsgiviz-blocked": "#FF7A1A",
        "wsgiviz-awaiting": "#00C896",
    },
)
"""For a projector: white on black, and brighter colours."""
