"""A fast page for a client with a slow network. What it costs depends on who waits for the client."""

from demo_apps.http_text import lifespan, number

PAGE = b"as fast as you can read\n"


def wsgi_app(environ, start_response):
    page = page_for(environ["QUERY_STRING"])
    headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(page)))]
    start_response("200 OK", headers)
    return [page]  # a sync worker writes all of it before it looks at the next client


async def asgi_app(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan(receive, send)
    page = page_for(scope["query_string"])
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(page))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": page})


def page_for(query):
    slow_reader = number(query, "reading", 0) > 0
    return PAGE * 400_000 if slow_reader else PAGE  # more than the kernel's buffers take
