"""A slow query. DATABASE is an SQLite file; with DSN set, the same query goes to PostgreSQL.

SQLite is a library: its query computes inside the worker, which is not blocked but busy. PostgreSQL is a
server: the worker only waits for its answer.
"""

import os
import sqlite3

import aiosqlite

from demo_apps.http_text import HEADERS, lifespan, number, send_text

DATABASE = os.environ.get("DATABASE", "orders.sqlite")
DSN = os.environ.get("DSN")
if DSN:
    import psycopg

# Which pairs of orders add up to a round sum? A join that no index helps: every row is held against every row.
QUERY = """
    SELECT count(*) FROM orders AS one JOIN orders AS other
    ON (one.amount + other.amount) % 1000 = 0 WHERE one.id <= {rows}
"""


def wsgi_app(environ, start_response):
    rows = int(number(environ["QUERY_STRING"], "rows", 400))
    with connect() as connection:
        (pairs,) = connection.execute(QUERY.format(rows=rows)).fetchone()
    connection.close()
    start_response("200 OK", HEADERS)
    return [f"{pairs} pairs\n".encode()]


async def asgi_app(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan(receive, send)
    rows = int(number(scope["query_string"], "rows", 400))
    async with await connect_async() as connection:
        answer = await connection.execute(QUERY.format(rows=rows))
        (pairs,) = await answer.fetchone()
    await send_text(send, f"{pairs} pairs\n")


def connect():
    if DSN:
        return psycopg.connect(DSN)
    return sqlite3.connect(DATABASE)


async def connect_async():
    if DSN:
        return await psycopg.AsyncConnection.connect(DSN)
    return aiosqlite.connect(DATABASE)  # a thread for each connection
