"""Runs one released verifier over deliveries from stdin; knows nothing of this package. See ``verdicts``."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TypedDict, cast

Verify = Callable[[str, bytes, Mapping[str, str]], object]
Errors = tuple[type[Exception], ...]


class Line(TypedDict):
    """A delivery and the secret of whoever receives it."""

    secret: str
    headers: dict[str, str]
    body: str


def standardwebhooks() -> tuple[Verify, Errors]:
    """https://pypi.org/project/standardwebhooks"""
    module = import_module("standardwebhooks.webhooks")
    own = (module.WebhookVerificationError, module.EmptyWebhookSecretError)
    return lambda secret, body, headers: module.Webhook(secret).verify(body, headers, json_parse=False), own


def svix() -> tuple[Verify, Errors]:
    """https://pypi.org/project/svix"""
    module, inner = import_module("svix.webhooks"), import_module("standardwebhooks.webhooks")
    own = (module.WebhookVerificationError, inner.WebhookVerificationError, inner.EmptyWebhookSecretError)
    return lambda secret, body, headers: module.Webhook(secret).verify(body, headers), own


def openai() -> tuple[Verify, Errors]:
    """https://pypi.org/project/openai"""
    module = import_module("openai")
    webhooks = module.OpenAI(api_key="none").webhooks
    return lambda secret, body, headers: webhooks.verify_signature(body, headers, secret=secret), (
        module.InvalidWebhookSignatureError,
    )


def replicate() -> tuple[Verify, Errors]:
    """https://pypi.org/project/replicate"""
    module = import_module("replicate.webhook")

    def verify(secret: str, body: bytes, headers: Mapping[str, str]) -> object:
        key = module.WebhookSigningSecret(key=secret)
        return module.Webhooks.validate(headers=headers, body=body.decode(), secret=key)

    return verify, (module.WebhookValidationError,)


def stripe() -> tuple[Verify, Errors]:
    """https://pypi.org/project/stripe"""
    module = import_module("stripe")
    verify_header = module.WebhookSignature.verify_header
    return lambda secret, body, headers: verify_header(
        body, headers["Stripe-Signature"], secret, module.Webhook.DEFAULT_TOLERANCE
    ), (module.SignatureVerificationError,)


def slack_sdk() -> tuple[Verify, Errors]:
    """https://pypi.org/project/slack-sdk"""
    module = import_module("slack_sdk.signature")

    def verify(secret: str, body: bytes, headers: Mapping[str, str]) -> object:
        try:
            verifier = module.SignatureVerifier(secret)
        except ValueError as error:
            raise PermissionError from error  # its documented answer to a blank secret
        if not verifier.is_valid_request(body, headers):
            raise PermissionError
        return True

    return verify, (PermissionError,)


PEERS = {
    made.__name__.replace("_", "-"): made for made in (standardwebhooks, svix, openai, replicate, stripe, slack_sdk)
}


def main() -> None:
    """The verdicts as JSON: believes, refuses, or the error that nobody promised."""
    verify, own = PEERS[sys.argv[1]]()
    verdicts: list[str] = []
    for line in cast("list[Line]", json.load(sys.stdin)):
        try:
            verify(line["secret"], base64.b64decode(line["body"]), line["headers"])
        except own:
            verdicts.append("refuses")
        except Exception as error:
            verdicts.append(f"crashes: {type(error).__name__}")
        else:
            verdicts.append("believes")
    print(json.dumps(verdicts))


if __name__ == "__main__":
    main()
