"""A Django project in one file that receives callbacks, for a worker beside it that submits and awaits.

    uvicorn django_app:application        or, with get_wsgi_application(), under gunicorn

It needs no API key. Both sides are given the same AIVIDEO_STORE and AIVIDEO_CALLBACK_KEY; the worker's
AIVIDEO_CALLBACK_URL is the public address of this application and /webhooks/aivideo.
"""

import os

import uvicorn
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.urls import path

from aivideo_async import WebhookReceiver, open_store
from aivideo_async.django_view import callback_view

receiver = WebhookReceiver(open_store(os.environ.get("AIVIDEO_STORE", "sqlite:///shop.db")))

urlpatterns = [path("webhooks/aivideo/<id>/<token>", callback_view(receiver))]

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=os.environ.get("ALLOWED_HOSTS", "127.0.0.1").split(","))
application = get_asgi_application()

if __name__ == "__main__":
    uvicorn.run(application, host="127.0.0.1", port=int(os.environ.get("PORT", "8080")), log_level="warning")
