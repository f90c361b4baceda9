"""Flask: where a view waits, its line ends with its path."""

import asyncio

from flask import Flask, Response, request
from frameworks.gate import go_on, open_gate

app = Flask(__name__)


class Middleware:
    def __init__(self, wsgi):
        self.wsgi = wsgi

    def __call__(self, environ, start_response):
        return self.wsgi(environ, start_response)


app.wsgi_app = Middleware(app.wsgi_app)


@app.before_request
def before():
    if request.path == "/before":
        go_on.result()  # /before


@app.get("/before")
def after_before():
    return "ok"


@app.get("/def")
def view():
    go_on.result()  # /def
    return "ok"


@app.get("/async")
async def async_view():
    await asyncio.wrap_future(go_on)  # /async
    return "ok"


async def part():
    await asyncio.wrap_future(go_on)  # /async-parts


@app.get("/async-parts")
async def async_parts():
    await asyncio.gather(part(), part())
    return "ok"


@app.get("/async-blocks")
async def async_blocks():
    go_on.result()  # /async-blocks
    return "ok"


async def main():
    await asyncio.wrap_future(go_on)  # /run


@app.get("/run")
def run():
    asyncio.run(main())
    return "ok"


def chunks():
    yield "first"
    go_on.result()  # /stream
    yield "second"


@app.get("/stream")
def stream():
    return Response(chunks())


@app.get("/background")
def background():
    response = Response("ok")
    response.call_on_close(lambda: go_on.result())  # /background
    return response


@app.get("/go-on")
def all_go_on():
    open_gate()
    return "ok"
