"""Computing. There is nothing to wait for, so there is nothing that await could win."""

from demo_apps.http_text import HEADERS, lifespan, number, send_text


def wsgi_app(environ, start_response):
    below = int(number(environ["QUERY_STRING"], "below", 100_000))
    found = count_primes(below)
    start_response("200 OK", HEADERS)
    return [f"{found} primes\n".encode()]


async def asgi_app(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan(receive, send)
    below = int(number(scope["query_string"], "below", 100_000))
    found = count_primes(below)  # no await in here: the loop stands still
    await send_text(send, f"{found} primes\n")


def count_primes(below):
    primes: list[int] = []
    for candidate in range(2, below):
        for prime in primes:
            if prime * prime > candidate:
                primes.append(candidate)
                break
            if candidate % prime == 0:
                break
        else:
            primes.append(candidate)
    return len(primes)
