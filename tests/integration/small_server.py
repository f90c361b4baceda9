"""A small HTTP server for tests: it answers as the test says, and remembers who asked, in order of connecting."""

from __future__ import annotations

import contextlib
import re
import socket
import struct
import threading
from collections.abc import Callable

from wsgiviz.events import REQUEST_HEADER

Answer = Callable[[socket.socket, int], None]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def says(response: bytes, piece: int = 65536) -> Answer:
    """Answer with these bytes, ``piece`` of them at a time."""

    def answer(client: socket.socket, number: int) -> None:
        for at in range(0, len(response), piece):
            client.sendall(response[at : at + piece])

    return answer


def resets(client: socket.socket, number: int) -> None:
    """Reset the connection: SO_LINGER with a time of zero (socket(7))."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def closes(client: socket.socket, number: int) -> None:
    """Close the connection without an answer."""


class SmallServer:
    """One thread accepts, and one serves each connection, which is closed after its answer."""

    def __init__(self, answer: Answer) -> None:
        self.heads: list[bytes] = []
        self.released = threading.Event()
        self._lock = threading.Lock()
        self.answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._threads: list[threading.Thread] = []
        self._positions: dict[int, int] = {}
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}/path?x=1"

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # the listener is shut down
            while True:
                client, _ = self._listener.accept()
                thread = threading.Thread(target=self._serve, args=(client, len(self._threads)), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, client: socket.socket, position: int) -> None:
        with client, contextlib.suppress(OSError):  # the client is gone
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                received = client.recv(65536)
                if not received:
                    return
                head += received
            self.answer(client, self._note(head, position))

    def _note(self, head: bytes, position: int) -> int:
        found = re.search(REQUEST_HEADER.encode() + rb": (\d+)\r\n", head, re.IGNORECASE)
        number = int(found[1]) if found else 0
        with self._lock:
            self.heads.append(head)
            self._positions[position] = number
        return number

    def hold(self, client: socket.socket, number: int) -> None:
        """An answer that does not come before the test is over."""
        self.released.wait()

    def in_order(self) -> list[int]:
        """The numbers of those who asked, in order of connecting."""
        with self._lock:
            return [self._positions[at] for at in sorted(self._positions)]

    def positions(self) -> list[int]:
        """Of those who asked, how many had connected before each."""
        with self._lock:
            return sorted(self._positions)

    @property
    def open(self) -> int:
        """Connections that are open."""
        return sum(thread.is_alive() for thread in self._threads)

    def close(self) -> None:
        self.released.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in [self._accepting, *self._threads]:
            thread.join(10)
            assert not thread.is_alive()
