from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aivideo_async.core.addresses import host_names, is_loopback, is_public
from aivideo_async.core.errors import ConfigurationError

# Words apart by white space: each is one host.
LOOPBACK = "localhost LOCALHOST. app.localhost 127.0.0.1 127.255.3.4 ::1 [::1] ::ffff:127.0.0.1"
NOT_LOOPBACK = "example.com localhost.example.com notlocalhost 10.0.0.1 ::2 ..localhost a/b.localhost"
PUBLIC = """
    example.com EXAMPLE.com. cdn_1.example.co.uk b\u00fccher.example.com xn--bcher-kva.example 127.0.0.1.example.com
    8.8.8.8 2606:4700:4700::1111 [2606:4700:4700::1111] ::ffff:8.8.8.8
"""
SPECIAL = """
    0.0.0.0 10.1.2.3 100.64.0.1 169.254.169.254 172.16.0.1 192.168.1.1 198.18.0.1 203.0.113.9 224.0.0.1 240.0.0.1
    255.255.255.255 192.88.99.1 192.0.0.9 168.63.129.16 ::ffff:10.0.0.1 :: ::8.8.8.8 fc00::1 fe80::1 fe80::1%eth0
    2606:4700::1%eth0 ff02::1 ff0e::1 fec0::1 2001::1 2002:7f00:1:: 2001:db8::1 64:ff9b::a00:1 64:ff9b:1::1 100::1
    3fff::1 5f00::1
"""
ODD_SPELLINGS = """
    2130706433 0x7f000001 0x7f.1 127.1 127.0.1 0177.0.0.1 010.8.8.8 8.8.8.08 8.8.8.0x8 8.8.8.256 1.2.3.4.5
    example.123 example.0x \u2460\u2461\u2466.1
"""
LOOK_ALIKES = """
    \uff11\uff12\uff17.0.0.1 127\u30020\u30020\u30021 127\uff0e0\uff0e0\uff0e1 127\uff610\uff610\uff611
    \uff4cocalhost 10.0.0.\u2460
"""
PRIVATE_NAMES = """
    intranet redis nas.local NAS.LOCAL. db.internal metadata.google.internal tv.lan router.home.arpa router.home
    x.localdomain ci.corp wiki.intranet
"""
NO_HOSTS = """
    . .. example..com example.com.. .example.com exa%6dple.com example.com:80 user@example.com [example.com
    exam\u00adple.com a/b.com
"""


@pytest.mark.parametrize("host", LOOPBACK.split())
def test_this_machine_is_loopback_and_not_public(host: str) -> None:
    assert is_loopback(host)
    assert not is_public(host)


@pytest.mark.parametrize("host", [*NOT_LOOPBACK.split(), "", "a b.localhost"])
def test_other_hosts_are_not_loopback(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize("host", ODD_SPELLINGS.split())
def test_an_odd_spelling_of_an_address_is_neither_public_nor_privileged(host: str) -> None:
    assert not is_public(host)
    assert not is_loopback(host)


@pytest.mark.parametrize("host", LOOK_ALIKES.split())
def test_letters_that_idna_turns_into_ascii_do_not_hide_an_address(host: str) -> None:
    assert not is_public(host)


@pytest.mark.parametrize("host", PUBLIC.split())
def test_hosts_of_the_internet_are_public(host: str) -> None:
    assert is_public(host)


@pytest.mark.parametrize("host", SPECIAL.split())
def test_special_addresses_are_not_public(host: str) -> None:
    assert not is_public(host)


@pytest.mark.parametrize("host", PRIVATE_NAMES.split())
def test_private_names_are_not_public(host: str) -> None:
    assert not is_public(host)


@pytest.mark.parametrize("host", [*NO_HOSTS.split(), "", "a b.com", "x" * 64 + ".com", "abcdefg." * 40 + "com"])
def test_what_is_no_host_is_not_public(host: str) -> None:
    assert not is_public(host)


@settings(deadline=None)
@given(st.text(max_size=40))
def test_no_text_is_both_loopback_and_public(host: str) -> None:
    assert not (is_loopback(host) and is_public(host))


@settings(deadline=None)
@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_judged_alike_in_ipv6_clothes(address: ipaddress.IPv4Address) -> None:
    mapped = f"::ffff:{address}"
    assert (is_public(mapped), is_loopback(mapped)) == (is_public(str(address)), is_loopback(str(address)))


def test_host_names_are_plain_and_in_lower_case() -> None:
    assert host_names(["Sandbox", "my_service.internal.", "10.0.0.1"]) == ("sandbox", "my_service.internal", "10.0.0.1")
    for wrong in "", "*", "http://sandbox", "sandbox:8787", "a/b", "a b", "x@y", "[::1]:80":
        with pytest.raises(ConfigurationError, match="no host name"):
            host_names([wrong])
