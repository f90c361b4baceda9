"""A view of Django's that blocks until the file named by the variable GATE is there, served over ASGI."""

import os
import time

import django  # type: ignore[import-untyped]
from django.conf import settings  # type: ignore[import-untyped]
from django.core.asgi import get_asgi_application  # type: ignore[import-untyped]
from django.http import HttpResponse  # type: ignore[import-untyped]
from django.urls import path  # type: ignore[import-untyped]

if not settings.configured:
    settings.configure(DEBUG=False, SECRET_KEY="secret", ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"])


def view(request):
    while not os.path.exists(os.environ["GATE"]):
        time.sleep(0.005)  # in the view
    return HttpResponse("ok")


urlpatterns = [path("", view)]
django.setup()
asgi_app = get_asgi_application()
