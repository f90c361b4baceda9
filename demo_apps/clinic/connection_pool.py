"""A pool of two database connections, and eight threads that want one."""

import time
from contextlib import contextmanager
from queue import LifoQueue

from demo_apps.http_text import HEADERS, number, word


def wsgi_app(environ, start_response):
    seconds = number(environ["QUERY_STRING"], "seconds", 0.2)
    match word(environ["QUERY_STRING"], "fix"):
        case "larger":
            pay(large_pool, seconds)
        case "shorter":
            pay_shorter(small_pool, seconds)
        case _:
            pay(small_pool, seconds)
    start_response("200 OK", HEADERS)
    return [b"paid\n"]


def pay(pool, seconds):
    with connection_from(pool) as connection:
        query(connection)
        charge_credit_card(seconds)  # needs no connection, and holds one


def pay_shorter(pool, seconds):
    with connection_from(pool) as connection:
        query(connection)
    charge_credit_card(seconds)


@contextmanager
def connection_from(pool):
    connection = pool.get()  # waits until one is given back
    try:
        yield connection
    finally:
        pool.put(connection)


def query(connection):
    time.sleep(0.01)


def charge_credit_card(seconds):
    time.sleep(seconds)


def make_pool(size):
    pool: LifoQueue[str] = LifoQueue()
    for number_of_connection in range(size):
        pool.put(f"connection {number_of_connection}")
    return pool


small_pool, large_pool = make_pool(2), make_pool(8)
