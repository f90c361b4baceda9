"""A small answer, many times. Who keeps the connection between two requests, and what does that cost?"""

from demo_apps.http_text import lifespan

PAGE = b"ok\n"


def wsgi_app(environ, start_response):
    headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(PAGE)))]
    start_response("200 OK", headers)  # the length says where the answer ends
    return [PAGE]


async def asgi_app(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan(receive, send)
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(PAGE))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": PAGE})
