"""A function for AWS Lambda behind an HTTP API (payload format 2.0) that receives callbacks.

It needs no API key: AIVIDEO_STORE is one that the worker shares (redis://… or postgresql://…), AIVIDEO_CALLBACK_KEY the
worker's. A function stands still between two requests, so it has no handlers: the worker has ``client.events``.

    python lambda_function.py < event.json
"""

import base64
import json
import os
import sys
from typing import Any

from aivideo_async import WebhookReceiver, open_store

receiver = WebhookReceiver(open_store(os.environ.get("AIVIDEO_STORE", "sqlite:///shop.db")))


def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    method = event["requestContext"]["http"]["method"]
    body = (event.get("body") or "").encode()
    if event.get("isBase64Encoded"):
        body = base64.b64decode(body)
    reply = receiver.handle_sync(method, event["rawPath"], event["headers"], body)
    return {"statusCode": reply.status, "headers": dict(reply.headers), "body": reply.body.decode()}


if __name__ == "__main__":
    print(json.dumps(lambda_handler(json.load(sys.stdin), None)))
