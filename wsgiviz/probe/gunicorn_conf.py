"""The configuration module that `gunicorn -c python:wsgiviz.probe.gunicorn_conf` loads.

It installs hooks (gunicorn's own names), and what a person's own gunicorn.conf.py says (`wsgiviz.probe.conf_chain`);
every other setting is on gunicorn's command line, where a person can read it. Two environment variables say where to
write, WSGIVIZ_RUN_DIR and WSGIVIZ_SIDE; a third, WSGIVIZ_PARENT, is the pid of the process that starts the server
(`wsgiviz.lifeline`).
"""

from __future__ import annotations

import os

from wsgiviz.probe.app_folder import off_path

with off_path():
    from wsgiviz.probe.conf_chain import CONF_VARIABLE, chained, load_conf
    from wsgiviz.probe.gunicorn_hooks import (  # noqa: F401 - gunicorn reads them here
        child_exit,
        nworkers_changed,
        on_exit,
        on_starting,
        open_master,
        post_fork,
        post_worker_init,
        when_ready,
        worker_abort,
        worker_exit,
        worker_int,
    )
    from wsgiviz.probe.preload import watch_preload

watch_preload(open_master)


def _settings_of_gunicorn() -> frozenset[str]:
    from gunicorn.config import KNOWN_SETTINGS

    return frozenset(setting.name for setting in KNOWN_SETTINGS)


if CONF_VARIABLE in os.environ:
    globals().update(chained(globals(), load_conf(os.environ[CONF_VARIABLE]), _settings_of_gunicorn()))
