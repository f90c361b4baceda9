"""The keys of the live screen and of the replay: what each does, in words for the bottom line, help and palette."""

from __future__ import annotations

from collections.abc import Iterable

from textual.binding import Binding, BindingType

from wsgiviz.tui.widgets.keys import KEY_NAMES, Hint

CONTROL: list[BindingType] = [
    Binding("space", "fire", "fire", tooltip="Fire the requests again, at both servers"),
    Binding("f", "fire_one", "one more", tooltip="Add one more request to the run, at both servers"),
    Binding("plus,equals_sign", "workers(1)", "add worker", tooltip="Add a WSGI worker (TTIN)"),
    Binding("minus", "workers(-1)", "remove worker", tooltip="Remove a WSGI worker (TTOU)"),
    Binding("right_square_bracket", "requests(1)", "more requests", tooltip="More requests, and fire"),
    Binding("left_square_bracket", "requests(-1)", "fewer requests", tooltip="Fewer requests, and fire"),
    Binding("s", "pick", "scenario", tooltip="Choose another scenario"),
    Binding("g", "lessons", "lessons", tooltip="Lessons; back to the one that was left"),
    Binding("o", "form", "options", tooltip="All settings, in a form"),
    Binding("p", "enter_playback", "playback", tooltip="Play back what has been seen; the servers go on"),
    Binding("comma", "enter_playback(-1)", "step back", tooltip="Play back, one event before now"),
    Binding("full_stop", "enter_playback", "step", show=False),
    Binding("t", "slow_motion", "slow motion", tooltip="Show the run at 0.1x, behind the servers, which go on"),
    Binding("x", "cancel", "cancel", tooltip="Cancel the current run"),
    Binding("k", "end_worker", "kill", tooltip="End a worker: TERM or KILL (or click its lane)"),
    Binding("r", "reload", "reload", tooltip="Reload the apps (HUP)"),
    Binding("w", "save", "save", tooltip="Save this run as a recording"),
]
"""What needs servers that run."""

LOOKS_BACK: list[BindingType] = [
    binding
    for binding in CONTROL
    if isinstance(binding, Binding) and binding.key in ("p", "comma", "full_stop", "t", "w")
]
"""Of these, what asks nothing of the servers."""

PLAYBACK: list[BindingType] = [
    Binding("space,p", "toggle_playback", "play", tooltip="Play, or pause"),
    Binding("full_stop", "step(1)", "step", tooltip="Pause, and go one event forward"),
    Binding("comma", "step(-1)", "step back", tooltip="Pause, and go one event back"),
    Binding("right_square_bracket", "faster(1)", "faster", tooltip="Play faster, up to 20x"),
    Binding("left_square_bracket", "faster(-1)", "slower", tooltip="Play slower, down to 0.01x"),
    Binding("t", "slow_motion", "slow motion", tooltip="Slow motion, 0.1x, or no longer"),
    Binding("j", "jump", "jump", tooltip="Jump to a time, a request, or a mark of the bar (or click it)"),
    Binding("home", "restart", "restart", tooltip="Play from the beginning"),
    Binding("end", "to_end", "end", tooltip="Go to the end"),
    Binding("r", "loop", "repeat", tooltip="Begin again at the end, or stop there"),
]

LEAVE: list[BindingType] = [Binding("escape", "leave", "back to live", tooltip="Leave playback: back to the servers")]
"""Where servers run."""

VIEW: list[BindingType] = [
    Binding("tab,enter", "ledger", "ledger", tooltip="All requests in a table; one in detail (or click it)"),
    Binding("v", "lanes_of", "view", tooltip="Lanes by worker, or by request on both sides"),
    Binding("h", "runs", "runs", tooltip="The runs of this session: what differed, how long each took"),
    Binding("escape", "unfollow", "unfollow", tooltip="Stop following a request"),
    Binding("less_than_sign", "zoom(-1)", "zoom out", tooltip="Show more time"),
    Binding("greater_than_sign", "zoom(1)", "zoom in", tooltip="Show less time, in more detail"),
    Binding("left", "pan(-1)", "earlier", tooltip="Show earlier times"),
    Binding("right", "pan(1)", "later", tooltip="Show later times"),
    Binding("0", "follow", "follow now", tooltip="Undo zooming and panning"),
    Binding("down", "lanes(1)", "lanes down", tooltip="Show lanes further down"),
    Binding("up", "lanes(-1)", "lanes up", tooltip="Show lanes further up"),
    Binding("c", "code", "code", tooltip="Show or hide the code of both apps"),
    Binding("b", "stage", "stage", tooltip="For a room: digits, lanes and one line of code, in high contrast"),
    Binding("l", "logs", "logs", tooltip="The logs of both servers"),
    Binding("question_mark,f1", "help", "help", tooltip="Explain keys and signs"),
    Binding("q", "app.quit", "quit", tooltip="Stop everything, and quit"),
]

LIVE_HINTS: list[Hint] = [
    ("space", "fire"), ("+ -", "workers"), ("[ ]", "requests"), ("s", "scenario"), ("v", "view"), ("o", "options"),
    ("p", "playback"), ("k", "kill"), ("tab", "ledger"), ("?", "help"), ("q", "quit"), ("f", "one more"),
    ("h", "runs"),
    ("t", "slow motion"), ("x", "cancel"), ("r", "reload"), ("l", "logs"), ("b", "stage"), ("< >", "zoom"),
    ("c", "code"), ("w", "save"), ("g", "lessons"), ("^p", "palette"),
]  # fmt: skip

REPLAY_HINTS: list[Hint] = [
    ("space", "play/pause"), (", .", "step"), ("[ ]", "speed"), ("j", "jump"), ("tab", "ledger"), ("?", "help"),
    ("q", "quit"), ("v", "view"), ("h", "runs"), ("home end", "ends"), ("t", "slow motion"), ("r", "repeat"),
    ("l", "logs"), ("b", "stage"), ("< >", "zoom"), ("c", "code"), ("^p", "palette"),
]  # fmt: skip

PLAYBACK_HINTS: list[Hint] = [
    ("escape", "back") if hint == ("tab", "ledger") else hint for hint in REPLAY_HINTS
] + [("tab", "ledger")]  # fmt: skip

ATTACHED_HINTS: list[Hint] = [
    ("tab", "ledger"), ("d", "deaths"), ("p", "playback"), ("v", "view"), ("w", "save"), ("< >", "zoom"),
    ("t", "slow motion"),
    ("^p", "palette"), ("b", "stage"), ("?", "help"), ("q", "quit"),
]  # fmt: skip

STAGE_HINTS: list[Hint] = [("space", "fire"), ("b", "leave stage"), ("?", "help"), ("q", "quit")]

REPLAY_STAGE_HINTS: list[Hint] = [("space", "play/pause"), *STAGE_HINTS[1:]]


def keys_of(bindings: Iterable[BindingType]) -> list[str]:
    """Every key that they bind."""
    return [key for binding in _all(bindings) for key in binding.key.split(",")]


def explained(bindings: Iterable[BindingType]) -> list[tuple[str, str]]:
    """Each key and what it does, for the help."""
    return [(_key_name(binding.key), binding.tooltip) for binding in _all(bindings)]


def commands(bindings: Iterable[BindingType]) -> list[tuple[str, str, str]]:
    """Title, action and help of everything that can be asked for, for the palette."""
    return [
        (binding.description.capitalize(), binding.action, binding.tooltip)
        for binding in _all(bindings)
        if not binding.action.startswith("app.")
    ]


def _all(bindings: Iterable[BindingType]) -> list[Binding]:
    return [binding for binding in bindings if isinstance(binding, Binding) and binding.show]


def _key_name(key: str) -> str:
    first = key.partition(",")[0]
    return KEY_NAMES.get(first, first)
