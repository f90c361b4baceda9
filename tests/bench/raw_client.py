"""``python -m tests.bench.raw_client URL N``: a burst by plain asyncio connections; prints its makespan in seconds.

From just before the first connect to the last answer, as the driver counts; it writes no events.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from urllib.parse import SplitResult, urlsplit

ENDS_WITH = b"slept\n"


async def burst(url: SplitResult, requests: int) -> float:
    began = time.monotonic()
    await asyncio.gather(*(one(url) for _ in range(requests)))
    return time.monotonic() - began


async def one(url: SplitResult) -> None:
    """One request on a connection of its own."""
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    target = f"{url.path or '/'}?{url.query}"
    writer.write(f"GET {target} HTTP/1.1\r\nHost: {url.netloc}\r\nConnection: close\r\n\r\n".encode())
    await reader.readuntil(ENDS_WITH)
    writer.close()


if __name__ == "__main__":
    gc.disable()  # so does the driver
    print(asyncio.run(burst(urlsplit(sys.argv[1]), int(sys.argv[2]))))
