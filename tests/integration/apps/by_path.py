"""Apps of the modules beside this one, on one server: /odd/raises is odd:raises. Each is called as by a server."""

import importlib

LOADED = {name: importlib.import_module(name) for name in ("contracts", "deep", "figures", "lines", "odd", "turns")}
"""They are there before the first request, which would load them otherwise. Others take long to load."""


def at(path):
    module, name = path.strip("/").split("/")
    return getattr(LOADED.get(module) or importlib.import_module(module), name)


def app(environ, start_response):
    return at(environ["PATH_INFO"])(environ, start_response)


async def async_app(scope, receive, send):
    assert scope["type"] in ("http", "websocket")
    return await at(scope["path"])(scope, receive, send)
