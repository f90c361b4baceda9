"""An app that warms its cache while it is created: in a thread, for which it waits with the lock that both want."""

from concurrent.futures import ThreadPoolExecutor
from threading import Lock

from demo_apps.http_text import HEADERS

cache = {"tea": b"4.00\n"}
lock = Lock()


def create_app(fix):
    warm_up = ThreadPoolExecutor().submit
    if fix == "yes":
        warm_up(load_prices).result()
    else:
        with lock:
            warm_up(load_prices).result()  # waits for the lock forever
    return wsgi_app


def load_prices():
    with lock:
        cache["coffee"] = b"5.00\n"


def wsgi_app(environ, start_response):
    start_response("200 OK", HEADERS)
    return [cache["coffee"]]
