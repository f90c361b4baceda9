def inner():
    raise RuntimeError("boom at import")


inner()
