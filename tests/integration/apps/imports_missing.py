import nosuchmodule  # noqa: F401
