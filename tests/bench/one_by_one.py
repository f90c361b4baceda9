"""``python -m tests.bench.one_by_one URL SECONDS``: requests one after the other; prints how many as wrk does."""

from __future__ import annotations

import socket
import sys
import time
from urllib.parse import urlsplit


def main() -> None:
    url, seconds = urlsplit(sys.argv[1]), float(sys.argv[2])
    request = f"GET {url.path or '/'} HTTP/1.1\r\nHost: {url.netloc}\r\nConnection: close\r\n\r\n".encode()
    until, count = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        with socket.create_connection((url.hostname, url.port), timeout=10) as connection:
            connection.sendall(request)
            answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))
        if not answer.startswith(b"HTTP/1.1 200 "):
            sys.exit(f"Non-2xx response: {answer[:100]!r}")
        count += 1
    print(f"{count} requests in {seconds:g}s")


if __name__ == "__main__":
    main()
