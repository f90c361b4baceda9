"""What the keys do and what the signs mean."""

from __future__ import annotations

import textwrap
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen

from wsgiviz.state import Activity, Task
from wsgiviz.tui.render.glyphs import AFTER, HELD, Glyphs
from wsgiviz.tui.render.history import COLOUR
from wsgiviz.tui.render.task_lanes import SIGN_COLOURS
from wsgiviz.tui.widgets.coloured import Coloured
from wsgiviz.tui.widgets.keys import Keys

ACTIVITIES = {
    Activity.IDLE: "waits for a connection",
    Activity.READING: "has accepted a connection, and reads the request",
    Activity.BLOCKED: "holds a request, and waits for something outside the interpreter",
    Activity.COMPUTING: "holds a request and is on the CPU, or waits for one",
    Activity.WAITING_FOR_GIL: "could compute, and another thread of its process has the interpreter lock",
    Activity.WRITING: "the app is done; the server writes the response and closes",
    Activity.CLOSING: "has answered, and waits for the client to hang up",
    Activity.BOOTING: "loads the app",
    Activity.STOPPING: "has been asked to stop",
    Activity.DEAD: "is gone; its last request stays in its lane",
}
TASKS = {
    Task.QUEUED: "on its way, not yet in the app",
    Task.RUNNING: "its coroutine runs: the loop does nothing else",
    Task.READY: "what it awaited is done; it waits for the loop",
    Task.AWAITING: "awaits; the loop serves others",
    Task.IN_THREAD: "awaits what a thread does for it; the loop serves others",
    Task.THREAD_COMPUTES: "the same, and that thread is on the CPU, or waits for one",
    Task.THREAD_FOR_GIL: "the same; another thread has the interpreter lock",
    Task.FOR_THREAD: "awaits what is to run in a thread, and none is free",
    Task.IN_PROCESS: "awaits what another process computes for it",
    Task.FOR_PROCESS: "awaits what is to run in a process, and none is free",
    Task.DONE: "answered",
    Task.FAILED: "got no answer, or the app raised",
}


INDENT = 10
"""So far from the left is what a sign, or a key, means."""

LEAST = 20
"""Words are not wrapped to less."""


class HelpScreen(ModalScreen[None]):
    """Keys and signs."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,question_mark,q", "dismiss(None)", "back")]

    def __init__(self, keys: list[tuple[str, str]], glyphs: Glyphs) -> None:
        super().__init__()
        self._keys = keys
        self._glyphs = glyphs

    def compose(self) -> ComposeResult:
        with Vertical(id="help", classes="dialog"):
            with VerticalScroll():
                yield HelpText(self._keys, self._glyphs)
            yield Keys([("up down", "scroll"), ("escape", "back")], None, "keys")

    def on_mount(self) -> None:
        self.set_class(self._glyphs.name == "ascii", "ascii")


class HelpText(Coloured):
    """The signs in the colours that they have in the panes, and then the keys."""

    def __init__(self, keys: list[tuple[str, str]], glyphs: Glyphs) -> None:
        super().__init__("", markup=False)
        self._keys, self._glyphs = keys, glyphs
        self._width = 0

    def on_mount(self) -> None:
        self.recoloured()

    def on_resize(self, event: events.Resize) -> None:
        if event.size.width != self._width:
            self._width = event.size.width
            self.recoloured()

    def recoloured(self) -> None:
        lines = [*self._of_workers(), Content(""), *self._of_tasks(), Content(""), *self._of_both(), Content("")]
        lines += [_title("Keys"), *(self._key(key, what) for key, what in self._keys)]
        lines += [self._key("ctrl+p", "The palette: every action, every scenario, every theme")]
        self.update(Content("\n").join(lines))

    def _of_workers(self) -> list[Content]:
        glyphs = self._glyphs
        return [
            _title("A WSGI worker: sign, texture of its lane, meaning"),
            *(
                self._sign(COLOUR.get(one, "dim"), glyphs.activity[one], glyphs.texture[one], f"{one.value}: {what}")
                for one, what in ACTIVITIES.items()
            ),
        ]

    def _of_tasks(self) -> list[Content]:
        glyphs = self._glyphs
        held = "held: one step that holds the loop longer than 100 ms"
        return [
            _title("A request on the event loop"),
            *(
                self._sign(
                    _colour_of(task), glyphs.task[task], glyphs.texture.get(task, " "), f"{task.value}: {what}"
                )
                for task, what in TASKS.items()
            ),
            self._sign("computing", " ", glyphs.texture[HELD], held),
        ]

    def _of_both(self) -> list[Content]:
        glyphs = self._glyphs
        after = "after the answer: the app goes on, and its client has the answer or has given up"
        return [
            _title("A request on either side"),
            self._key(f"{glyphs.ellipsis}#98", "a lane that has had several requests, and the newest of them"),
            self._sign("awaiting", glyphs.after, glyphs.texture[AFTER], after),
            self._sign(
                "queue", glyphs.waiting, " ", "a request in the kernel's accept queue: nobody has read it yet"
            ),
        ]

    def _sign(self, colour: str, sign: str, texture: str, what: str) -> Content:
        return Content.assemble((f"  {sign}  {texture * 3}", self.words(colour, "b")), "  ", self._beside(what))

    def _key(self, key: str, what: str) -> Content:
        return Content.assemble((f"{f'  {key}':<{INDENT}}", "bold"), self._beside(what))

    def _beside(self, what: str) -> str:
        """In lines below each other, where one has no room."""
        lines = textwrap.wrap(what, max(LEAST, self._width - INDENT - 1)) if self._width else [what]
        return ("\n" + " " * INDENT).join(lines)


def _colour_of(task: Task) -> str:
    return {Task.DONE: "", Task.FAILED: "failed"}.get(task) or SIGN_COLOURS.get(task, "queue").rstrip("!")


def _title(text: str) -> Content:
    return Content.styled(text, "bold $foreground")
