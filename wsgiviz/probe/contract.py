"""One request in slow motion: wrappers round the app that report each step between it and its server.

They are there only where the launch asks for them (`FOLLOW_STEPS`), between the app and the wrapper that always is
(`wsgiviz.probe.wsgi`, `wsgiviz.probe.asgi`), which does not know of them: elsewhere they cost nothing. Only requests
of the load driver are followed. What is passed goes on as it is, and a step that can't be put in words is reported
without any.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from typing import Any

from wsgiviz.probe.contract_values import (
    chunk_words,
    environ_words,
    error_words,
    message_words,
    response_words,
    returned_words,
    scope_words,
)
from wsgiviz.probe.loop_request import CURRENT
from wsgiviz.probe.request_ids import HEADER_KEY, RequestIds
from wsgiviz.recorder.codec import TEXT_BYTES
from wsgiviz.recorder.contract_steps import FOLLOW_STEPS, Passed
from wsgiviz.recorder.emitter import Emitter

CUT = "..."

Note = Callable[..., None]
"""Reports a step: what it is, the function that puts it in words, and that one's arguments."""


def followed(app: Any, emit: Emitter, speaks_asgi: bool) -> Any:
    """``app``, its steps reported to ``emit`` where the launch asks for that; else the app itself."""
    if FOLLOW_STEPS not in os.environ:
        return app
    return follow_asgi(app, emit) if speaks_asgi else follow_wsgi(app, emit)


def noting(emit: Emitter, req: int) -> Note:
    """Reports the steps of one request."""

    def note(passed: Passed, words: Callable[..., str] | None = None, *values: object) -> None:
        try:
            text = words(*values) if words is not None else ""
        except Exception:  # noqa: BLE001 - an app may pass anything; its server says what is wrong with it
            text = "?"
        if len(text) > TEXT_BYTES:
            text = text[: TEXT_BYTES - len(CUT)] + CUT
        emit.contract_step(req, passed, text.encode("ascii", "replace"))

    return note


# --- WSGI --------------------------------------------------------------------------------------------------------


def follow_wsgi(app: Callable[..., Any], emit: Emitter) -> Callable[..., Any]:
    """Round a WSGI callable."""
    ids = RequestIds(os.getpid())

    def call(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        req = ids.of(environ.get(HEADER_KEY))
        if req < 0:  # from somebody else, with a number that is no other's
            return app(environ, start_response)
        note = noting(emit, req)
        note(Passed.CALLED, environ_words, environ)
        try:
            body = app(environ, _follow_response(start_response, note))
        except BaseException as error:
            note(Passed.RAISED, error_words, error)
            raise
        note(Passed.RETURNED, returned_words, body)
        return _follow_body(body, note, environ.get("wsgi.file_wrapper"))

    return call


def _follow_response(start_response: Callable[..., Any], note: Note) -> Callable[..., Any]:
    def begin_response(status: str, headers: Any, *exc_info: Any) -> Any:
        note(Passed.RESPONSE, response_words, status, headers, *exc_info)
        write = start_response(status, headers, *exc_info)

        def noted_write(data: bytes) -> Any:
            note(Passed.WRITTEN, chunk_words, data)
            return write(data)

        return noted_write if callable(write) else write

    return begin_response


def _follow_body(body: Any, note: Note, file_wrapper: Any) -> Any:
    """Of a list or a file no code of the app runs any more; what is no iterable is for the server to refuse."""
    if type(body) is list or type(body) is tuple:
        return body
    if isinstance(file_wrapper, type) and isinstance(body, file_wrapper):
        return body
    if not hasattr(body, "__iter__") and not hasattr(body, "__getitem__"):
        return body
    return FollowedSizedBody(body, note) if hasattr(body, "__len__") else FollowedBody(body, note)


class FollowedBody:
    """An iterable that a WSGI app has returned: each next() of the server, what it gives, and close()."""

    def __init__(self, body: Iterable[bytes], note: Note) -> None:
        self._body = body
        self._note = note
        self._iterator: Iterator[bytes] | None = None

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        self._note(Passed.ASKED)
        try:
            if self._iterator is None:
                self._iterator = iter(self._body)
            chunk = next(self._iterator)
        except StopIteration:
            self._note(Passed.EXHAUSTED)
            raise
        except BaseException as error:
            self._note(Passed.RAISED, error_words, error)
            raise
        self._note(Passed.YIELDED, chunk_words, chunk)
        return chunk

    def close(self) -> None:
        """Only an iterable that has a close() gets it."""
        close = getattr(self._body, "close", None)
        if close is None:
            return
        self._note(Passed.CLOSING)
        try:
            close()
        except BaseException as error:
            self._note(Passed.RAISED, error_words, error)
            raise
        self._note(Passed.CLOSED)


class FollowedSizedBody(FollowedBody):
    """One that knows how many chunks it has."""

    def __len__(self) -> int:
        return len(self._body)  # type: ignore[arg-type]


# --- ASGI --------------------------------------------------------------------------------------------------------

AsgiMessage = MutableMapping[str, Any]


def follow_asgi(app: Callable[..., Awaitable[None]], emit: Emitter) -> Callable[..., Awaitable[None]]:
    """Round an ASGI application, inside `wsgiviz.probe.asgi.AsgiProbe`, which says whose request it is."""

    async def call(scope: AsgiMessage, receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        request = CURRENT.get()
        if request is None or request.req < 0:
            await app(scope, receive, send)
            return
        note = noting(emit, request.req)

        async def noted_receive() -> AsgiMessage:
            note(Passed.RECEIVING)
            message: AsgiMessage = await receive()
            note(Passed.RECEIVED, message_words, message)
            return message

        async def noted_send(message: AsgiMessage) -> None:
            note(Passed.SENDING, message_words, message)
            await send(message)

        note(Passed.CALLED, scope_words, scope)
        try:
            await app(scope, noted_receive, noted_send)
        except BaseException as error:
            note(Passed.RAISED, error_words, error)
            raise
        note(Passed.RETURNED, returned_words, None)

    return call
