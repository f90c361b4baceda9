"""What every demo app needs and no lesson is about: read a number or a word from the query string, send a text."""

from urllib.parse import parse_qs

HEADERS = [("Content-Type", "text/plain; charset=utf-8")]
RAW_HEADERS = [(b"content-type", b"text/plain; charset=utf-8")]

# A request must end, whatever somebody writes into its address.
MOST = {
    "seconds": 60,
    "slow": 60,
    "quick": 60,
    "reading": 60,
    "rows": 10_000,
    "below": 5_000_000,
    "events": 100,
    "every": 60,
    "beats": 1000,
    "pause": 60,
}


def number(query: str | bytes, name: str, default: float) -> float:
    """The number ``name`` of a query string such as ``seconds=0.5``; ``default`` unless it is from 0 to MOST."""
    text = query.decode("latin-1") if isinstance(query, bytes) else query
    try:
        value = float(parse_qs(text)[name][0])
    except (KeyError, ValueError):
        return default
    return value if 0 <= value <= MOST[name] else default  # "nan" is a number too, for float()


def word(query: str | bytes, name: str) -> str:
    """The word ``name`` of a query string such as ``fix=thread``; empty when there is none."""
    text = query.decode("latin-1") if isinstance(query, bytes) else query
    return parse_qs(text).get(name, [""])[0]


async def lifespan(receive, send):
    """The server says that it starts, and later that it stops; a demo app has nothing to do about it."""
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def send_text(send, text):
    """Answer 200 with ``text``."""
    await send({"type": "http.response.start", "status": 200, "headers": RAW_HEADERS})
    await send({"type": "http.response.body", "body": text.encode()})
