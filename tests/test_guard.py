from __future__ import annotations

import socket

import pytest

from aivideo_async.guard import ForbiddenAddressError, Guard, SocketInfo, forbidden

HOSTED, HERE = Guard(), Guard(loopback=True)


def info(address: str) -> SocketInfo:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, 443)


PRIVATE = [
    *("127.0.0.1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.1", "224.0.0.1"),
    *("168.63.129.16", "192.0.0.8", "198.18.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "ff02::1"),
    *("::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::1", "2001::1", "3fff::1", "fe80::1%lo"),
]


@pytest.mark.parametrize("address", PRIVATE)
def test_no_socket_is_made_for_what_is_not_public(address: str) -> None:
    with pytest.raises(ForbiddenAddressError):
        HOSTED.socket(info(address))


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1"])
def test_a_public_address_gets_its_socket(address: str) -> None:
    with HOSTED.socket(info(address)) as made:
        assert made.type is socket.SOCK_STREAM


def test_loopback_is_for_a_service_on_loopback_and_nothing_else_private_is() -> None:
    HERE.socket(info("127.0.0.1")).close()
    with pytest.raises(ForbiddenAddressError):
        HERE.socket(info("10.0.0.1"))


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://cdn.example.com/x?sig=1", None),
        ("http://cdn.example.com/x", "https"),
        ("https://127.0.0.1/x", "public host"),
        ("https://metadata.internal/x", "public host"),
        ("https://0x7f.1/x", "public host"),
        ("https://[::ffff:10.0.0.1]/x", "public host"),
        ("ftp://cdn.example.com/x", "http(s)"),
    ],
)
def test_a_url_is_refused_before_anything_is_resolved(url: str, words: str | None) -> None:
    fault = HOSTED.fault(url)
    assert (fault or "").find(words or "") >= 0
    assert (fault is None) == (words is None)


def test_plain_http_is_for_loopback_alone() -> None:
    assert HERE.fault("http://localhost:8080/x") is None
    assert HERE.fault("http://cdn.example.com/x") == "must be https"


def test_only_the_guards_refusal_is_forbidden() -> None:
    assert forbidden(ForbiddenAddressError())
    assert not forbidden(OSError(13, "permission denied"))
