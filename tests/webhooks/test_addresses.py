"""Where nobody may send us: every kind of inner address, however it is written."""

import socket
import threading
from typing import Any

import pytest

from webhooks.addresses import BadAddress, Place, Target, may_be_called, parse, resolve

# Refused even where staff allow the own network.
NEVER = [
    "0.0.0.0",
    "169.254.169.254",  # the metadata of most clouds
    "169.254.0.1",
    "168.63.129.16",  # Azure's
    "100.100.100.200",  # Alibaba's
    "192.0.0.192",  # Oracle's
    "fd00:ec2::254",  # Amazon's, by IPv6
    "224.0.0.1",
    "239.255.255.250",
    "255.255.255.255",
    "240.0.0.1",
    "192.88.99.1",
    "100.64.0.1",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:0:8.8.8.8",
    "::8.8.8.8",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::7f00:1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "4000::1",
]
PRIVATE = [
    "127.0.0.1",
    "127.255.255.254",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "::1",
    "fc00::1",
    "fd12:3456::1",
]
PUBLIC = ["8.8.8.8", "93.184.216.34", "172.32.0.1", "2606:2800:220:1:248:1893:25c8:1946", "2a00:1450:4001::200e"]


@pytest.mark.parametrize("address", NEVER)
def test_these_are_never_called(address: str) -> None:
    assert not may_be_called(address, allows_private=False)
    assert not may_be_called(address, allows_private=True)


@pytest.mark.parametrize("address", PRIVATE)
def test_the_own_network_is_called_only_where_staff_allow_it(address: str) -> None:
    assert not may_be_called(address, allows_private=False)
    assert may_be_called(address, allows_private=True)


@pytest.mark.parametrize("address", PUBLIC)
def test_the_internet_is_called(address: str) -> None:
    assert may_be_called(address, allows_private=False)


class TestReading:
    @pytest.mark.parametrize(
        ("url", "target", "authority"),
        [
            ("https://acme.example", Target("https", "acme.example", 443, "/"), "acme.example"),
            ("HTTPS://Acme.Example:8443/a?b=c", Target("https", "acme.example", 8443, "/a?b=c"), "acme.example:8443"),
            ("https://8.8.8.8/", Target("https", "8.8.8.8", 443, "/"), "8.8.8.8"),
            (
                "https://[2a00:1450:4001::1]:4430/",
                Target("https", "2a00:1450:4001::1", 4430, "/"),
                "[2a00:1450:4001::1]:4430",
            ),
        ],
    )
    def test_a_good_one(self, url: str, target: Target, authority: str) -> None:
        assert parse(url, allows_private=False) == target
        assert target.authority == authority

    @pytest.mark.parametrize(
        ("url", "sentence"),
        [
            ("http://acme.example/", "The URL must start with https://"),
            ("ftp://acme.example/", "The URL must start with https://"),
            ("file://etc/passwd", "The URL must start with https://"),
            ("gopher://acme.example/", "The URL must start with https://"),
            ("acme.example", "The URL must start with https://"),
            ("https://", "Enter a valid URL."),
            ("https:///path", "Enter a valid URL."),
            ("https://acme.example:99999/", "Enter a valid URL."),
            ("https://acme.example:x/", "Enter a valid URL."),
            ("https://[::1/", "Enter a valid URL."),
            ("https://[fe80::1%25eth0]/", "Enter a valid URL."),
            ("https://a,b/", "Enter a valid URL."),
            ("https://user@acme.example/", "Remove the user name and password"),
            ("https://user:pass@acme.example/", "Remove the user name and password"),
            ("https://8.8.8.8@127.0.0.1/", "Remove the user name and password"),
            ("https://acme.example/#part", "Remove the part after #"),
            ("https://acme.example:22/", "The port must be 443, or 1024 or higher."),
            ("https://acme.example:25/", "The port must be 443, or 1024 or higher."),
            ("https://acme.example:0/", "The port must be 443, or 1024 or higher."),
            ("https://acme.example/\r\nHost: x", "A URL can have up to 500 characters"),
            ("https://acme.example/ä", "A URL can have up to 500 characters"),
            ("https://acme.example\\@127.0.0.1/", "A URL can have up to 500 characters"),
            ("https://acme.example/" + "a" * 480, "A URL can have up to 500 characters"),
            ("", "A URL can have up to 500 characters"),
            ("https://127.0.0.1/", "The URL must be on the public internet."),
            ("https://[::1]/", "The URL must be on the public internet."),
            ("https://[::ffff:7f00:1]/", "The URL must be on the public internet."),
            ("https://169.254.169.254/latest/meta-data/", "The URL must be on the public internet."),
            ("https://localhost/", "The URL must be on the public internet."),
            ("https://api.localhost/", "The URL must be on the public internet."),
        ],
    )
    def test_a_bad_one_is_told_why(self, url: str, sentence: str) -> None:
        with pytest.raises(BadAddress) as refusal:
            parse(url, allows_private=False)

        assert sentence in str(refusal.value)

    def test_where_staff_allow_it_the_own_network_is_named_plainly(self) -> None:
        assert parse("http://localhost:80/x", allows_private=True).authority == "localhost"
        assert parse("http://10.0.0.5:81/", allows_private=True).port == 81
        with pytest.raises(BadAddress):
            parse("http://169.254.169.254/", allows_private=True)


def answering(patch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Have every name lead to these addresses; return the list of names that will be asked for."""
    asked: list[str] = []

    def getaddrinfo(host: str, port: int, **_options: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET6 if ":" in each else socket.AF_INET, 1, 6, "", (each, port)) for each in addresses]

    patch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


class TestLookingUp:
    TARGET = Target("https", "acme.example", 443, "/")

    def test_every_answer_is_handed_on(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked = answering(monkeypatch, "8.8.8.8", "8.8.4.4")

        assert resolve(self.TARGET, allows_private=False, seconds=20) == [
            Place(socket.AF_INET, ("8.8.8.8", 443)),
            Place(socket.AF_INET, ("8.8.4.4", 443)),
        ]
        assert asked == ["acme.example"]

    @pytest.mark.parametrize("address", [*NEVER, *PRIVATE])
    def test_one_inner_address_among_good_ones_is_enough_to_refuse(
        self, monkeypatch: pytest.MonkeyPatch, address: str
    ) -> None:
        answering(monkeypatch, "8.8.8.8", address)

        with pytest.raises(BadAddress):
            resolve(self.TARGET, allows_private=False, seconds=20)

    @pytest.mark.parametrize("host", ["2130706433", "127.1", "0x7f.1", "0177.0.0.1"])
    def test_however_loopback_is_written(self, host: str) -> None:
        target = parse(f"https://{host}/", allows_private=False)

        with pytest.raises((BadAddress, socket.gaierror)):
            resolve(target, allows_private=False, seconds=20)

    def test_a_silent_name_server_is_not_waited_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        let_go = threading.Event()
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_arguments, **_options: let_go.wait(20) and [])

        with pytest.raises(TimeoutError):
            resolve(self.TARGET, allows_private=False, seconds=0.01)
        let_go.set()

    def test_no_answer_is_no_permission(self, monkeypatch: pytest.MonkeyPatch) -> None:
        answering(monkeypatch)

        with pytest.raises(BadAddress):
            resolve(self.TARGET, allows_private=False, seconds=20)
