"""Verify callbacks and nothing else: no store, no client, here over Python's own http.server.

``event.signed`` says whether the body may be believed; where nobody signs, only ``event.task_id`` is certain.
"""

import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aivideo_async import CallbackKeys, StandardWebhooks, WebhookVerificationError, raw_headers, unwrap

BODY_LIMIT = 256 * 1024
KEYS = CallbackKeys(os.environ["AIVIDEO_CALLBACK_KEY"])
VERIFIER = StandardWebhooks(os.environ["AIVIDEO_WEBHOOK_SECRET"])


class Callbacks(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        length = min(int(self.headers.get("Content-Length", 0)), BODY_LIMIT + 1)
        body, headers = self.rfile.read(length), raw_headers(self.headers.items())
        try:
            event = unwrap(self.path, headers, body, keys=KEYS, verifier=VERIFIER, now=time.time())
        except WebhookVerificationError as error:
            print("refused:", error.reason.value, flush=True)
            self.send_error(401)
            return
        print(event.task_id, event.report.status.value, flush=True)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - it is called so
        """Say nothing by itself: the path of a callback is a secret."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8080"))), Callbacks).serve_forever()
