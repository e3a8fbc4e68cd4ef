"""One call to somebody else's server, with everything that such a server may do to us."""

import http.client
import io
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.servers.webhook_receiver import Receiver, receiving
from tests.webhooks.test_addresses import answering
from webhooks import posting
from webhooks.models import TryError
from webhooks.posting import Answer


def post(url: str, *, allows_private: bool = True) -> Answer:
    return posting.post(
        url, body=b'{"a":1}', headers={"webhook-id": "evt_1"}, allows_private=allows_private, seconds=30
    )


class TestAnAnswer:
    def test_it_is_brought_back(self, receiver: Receiver) -> None:
        receiver.answers(202, b"thanks")

        assert post(receiver.url + "?a=b") == Answer(status=202, response="thanks")
        (message,) = receiver.messages
        assert (message.path, message.body) == ("/hooks?a=b", b'{"a":1}')
        assert message.headers["webhook-id"] == "evt_1"
        assert message.headers["host"] == receiver.url.split("/")[2]

    @pytest.mark.parametrize(
        ("status", "is_received"), [(200, True), (299, True), (301, False), (404, False), (500, False)]
    )
    def test_only_2xx_is_a_receipt(self, receiver: Receiver, status: int, is_received: bool) -> None:
        receiver.answers(status)

        assert post(receiver.url).is_received is is_received

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_a_redirect_is_not_followed(self, receiver: Receiver, status: int) -> None:
        receiver.answers(status, Location=receiver.url + "/elsewhere")

        assert post(receiver.url).status == status
        assert len(receiver.messages) == 1

    @pytest.mark.parametrize(
        ("header", "seconds"), [("120", 120), ("soon", 0), ("-5", 0), ("99999999999", 0), ("٣", 0)]
    )
    def test_when_to_come_again_is_read(self, receiver: Receiver, header: str, seconds: int) -> None:
        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.wfile.write(f"HTTP/1.1 503 No\r\nRetry-After: {header}\r\n\r\n".encode())

        receiver.answer = answer

        assert post(receiver.url).retry_after == seconds

    def test_what_is_no_text_is_kept_as_text_that_the_database_holds(self, receiver: Receiver) -> None:
        receiver.answers(500, b"\x00\xff<b>")

        assert post(receiver.url).response == "��<b>"


class TestHostileServers:
    def test_a_huge_body_is_left_where_it_is(self, receiver: Receiver) -> None:
        written: list[int] = []

        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n")
            while True:  # until the caller hangs up
                written.append(handler.wfile.write(b"x" * 65_536))

        receiver.answer = answer

        assert post(receiver.url) == Answer(status=200, response="x" * 1000)

    def test_a_body_that_comes_drop_by_drop_is_left_after_its_time(
        self, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """By the time the body is read, the time is over; without a deadline it would be read for ever."""
        is_late = threading.Event()
        monkeypatch.setattr(posting, "monotonic", lambda: 1_000.0 if is_late.is_set() else 0.0)
        read = posting._beginning

        def read_late(response: http.client.HTTPResponse) -> str:
            is_late.set()
            return read(response)

        monkeypatch.setattr(posting, "_beginning", read_late)

        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            is_late.wait(30)
            while True:  # until the caller hangs up
                handler.wfile.write(b"x")

        receiver.answer = answer

        assert post(receiver.url) == Answer(status=200, response="")

    def test_headers_that_never_end_are_left_after_their_time(
        self, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        is_late = threading.Event()
        monkeypatch.setattr(posting, "monotonic", lambda: 1_000.0 if is_late.is_set() else 0.0)

        def answer(handler: BaseHTTPRequestHandler) -> None:
            is_late.set()
            while True:
                handler.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")

        receiver.answer = answer

        assert post(receiver.url) == Answer(error=TryError.TIME)

    def test_a_line_without_end_is_no_http(self, receiver: Receiver) -> None:
        def answer(handler: BaseHTTPRequestHandler) -> None:
            while True:
                handler.wfile.write(b"x" * 65_536)

        receiver.answer = answer

        assert post(receiver.url) == Answer(error=TryError.ANSWER)

    def test_hanging_up_is_a_broken_connection(self, receiver: Receiver) -> None:
        receiver.answer = lambda _handler: None

        assert post(receiver.url) == Answer(error=TryError.CONNECTION)

    def test_nobody_there(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))

            assert post(f"http://127.0.0.1:{taken.getsockname()[1]}/") == Answer(error=TryError.CONNECTION)

    def test_a_name_that_leads_nowhere(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def getaddrinfo(*_arguments: Any, **_options: Any) -> Any:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

        assert post("https://nowhere.example/") == Answer(error=TryError.NAME)

    def test_a_name_that_can_not_be_one(self) -> None:
        assert post(f"https://{'a' * 64}.example/") == Answer(error=TryError.NAME)


class TestTheWayInside:
    def test_an_inner_address_is_not_called(self, receiver: Receiver) -> None:
        assert post(receiver.url.replace("http:", "https:"), allows_private=False) == Answer(error=TryError.ADDRESS)
        assert receiver.messages == []

    def test_a_name_that_changes_its_mind_is_asked_once(
        self, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """DNS rebinding: a good address for the check, loopback for the call."""
        turns = iter(["8.8.8.8", "127.0.0.1", "127.0.0.1"])
        port = int(receiver.url.split(":")[2].split("/")[0])
        called: list[Any] = []

        def getaddrinfo(_host: str, _port: int, **_options: Any) -> list[Any]:
            return [(socket.AF_INET, 1, 6, "", (next(turns), port))]

        def connect(_socket: socket.socket, address: Any) -> None:
            called.append(address)
            raise ConnectionRefusedError

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        monkeypatch.setattr(socket.socket, "connect", connect)

        assert post(f"https://rebinding.example:{port}/", allows_private=False) == Answer(error=TryError.CONNECTION)
        assert called == [("8.8.8.8", port)]
        assert list(turns) == ["127.0.0.1", "127.0.0.1"]

    def test_of_several_places_one_that_answers_is_enough(
        self, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answering(monkeypatch, "127.0.0.2", "127.0.0.1")

        assert post(receiver.url.replace("127.0.0.1", "hooks.example")).status == 204


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for hooks.example, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hooks.example")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hooks.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    both = io.BytesIO()
    both.write(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    both.write(signed.public_bytes(serialization.Encoding.PEM))
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    path.write_bytes(both.getvalue())
    return path


class TestTls:
    """A server that knows itself as hooks.example, on loopback."""

    @pytest.fixture
    def asked_for(self) -> list[str]:
        return []

    @pytest.fixture
    def port(self, certificate: Path, asked_for: list[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        context.sni_callback = lambda _socket, name, _context: asked_for.append(name)
        answering(monkeypatch, "127.0.0.1")
        with receiving(lambda plain: context.wrap_socket(plain, server_side=True)) as receiver:
            yield int(receiver.url.split(":")[2].split("/")[0])
            if receiver.messages:
                assert receiver.messages[0].headers["host"].startswith("hooks.example:")

    def test_a_trusted_certificate_of_that_name(
        self, port: int, certificate: Path, asked_for: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(posting, "tls", lambda: ssl.create_default_context(cafile=str(certificate)))

        assert post(f"https://hooks.example:{port}/").status == 204
        assert asked_for == ["hooks.example"]

    def test_one_of_another_name_is_refused(
        self, port: int, certificate: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(posting, "tls", lambda: ssl.create_default_context(cafile=str(certificate)))

        assert post(f"https://other.example:{port}/") == Answer(error=TryError.CERTIFICATE)

    def test_one_that_nobody_vouches_for_is_refused(self, port: int) -> None:
        assert post(f"https://hooks.example:{port}/") == Answer(error=TryError.CERTIFICATE)
