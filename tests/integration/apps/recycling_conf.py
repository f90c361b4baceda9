"""A gunicorn.conf.py with hooks, for the app in asked.py: each hook leaves a line in the file that HOOKS names."""

import os

workers = 2
max_requests = 3
preload_app = True
bind = "0.0.0.0:80"


def _note(hook):
    with open(os.environ["HOOKS"], "a") as file:
        file.write(hook + "\n")


def when_ready(server):
    _note("when_ready")


def post_fork(server, worker):
    _note("post_fork")


def post_worker_init(worker):
    _note("post_worker_init")


def pre_request(worker, req):
    _note("pre_request")


def child_exit(server, worker):
    _note("child_exit")
