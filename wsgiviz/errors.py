"""The one error for people: what went wrong, and the fix."""

from __future__ import annotations


class WsgivizError(Exception):
    """Something that a person can put right; printed as a message and a hint, never as a traceback.

    ``status`` is the exit status of the program: 1 when the run failed, 2 when the arguments were wrong.
    """

    status = 1

    def __init__(self, message: str, hint: str = "", detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.detail = detail  # several lines, such as the app's own part of a traceback


class UsageError(WsgivizError):
    """The arguments were wrong."""

    status = 2


class NotInstalled(UsageError):
    """A kind of server that was asked for needs an extra, which is not installed."""
