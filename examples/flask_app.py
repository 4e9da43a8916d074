"""A Flask application that receives callbacks, for a worker beside it that submits and awaits.

    gunicorn --workers 4 --threads 8 flask_app:app

It needs no API key. Both sides are given the same AIVIDEO_STORE and AIVIDEO_CALLBACK_KEY; the worker's
AIVIDEO_CALLBACK_URL is the public address of this application and /webhooks/aivideo.
"""

import os

from flask import Flask, Response, request

from aivideo_async import WebhookReceiver, open_store

receiver = WebhookReceiver(open_store(os.environ.get("AIVIDEO_STORE", "sqlite:///shop.db")))

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = receiver.body_limit


@app.post("/webhooks/aivideo/<id>/<token>")
def callback(id: str, token: str) -> Response:  # noqa: ARG001 - the receiver reads them from the path
    path = request.environ.get("RAW_URI", request.full_path)
    reply = receiver.handle_sync(request.method, path, list(request.headers), request.get_data())
    return Response(reply.body, reply.status, dict(reply.headers))


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=int(os.environ.get("PORT", "8080")))
