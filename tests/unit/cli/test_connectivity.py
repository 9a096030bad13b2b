"""Whether a server can be reached, in plain words: names, sockets, TLS, certificates."""

import socket
import ssl
from datetime import UTC, datetime, timedelta

import pytest

from cliq_async.cli.diagnostics import connectivity as reaching
from cliq_async.cli.diagnostics.connectivity import probe
from cliq_async.cli.errors import CliError


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (TimeoutError(), "no answer in 10 s: check firewalls"),
        (socket.gaierror(-2, "x"), "no address found for host"),
        (ssl.SSLCertVerificationError(1, "x"), "its certificate is not trusted ("),
        (OSError(113, "No route to host"), "No route to host"),
        (OSError(), "OSError"),
    ],
)
async def test_why_a_server_cannot_be_reached_is_said_in_plain_words(monkeypatch, error, said):
    if isinstance(error, ssl.SSLCertVerificationError):
        error.verify_message = "certificate has expired"

    async def fail(*_, **__):
        raise error

    monkeypatch.setattr(reaching.asyncio, "open_connection", fail)
    with pytest.raises(CliError) as caught:
        await probe("https://host")
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(
    ("days", "said"), [(100.0, ""), (3.0, ", which is soon"), (None, None)], ids=str
)
async def test_tls_and_the_end_of_the_certificate_are_told(monkeypatch, days, said):
    until = datetime.now(UTC) + timedelta(days=days or 0)
    told = {} if days is None else {"notAfter": f"{until:%b %d %H:%M:%S %Y} GMT"}

    class Tls:
        def version(self):
            return "TLSv1.3"

        def getpeercert(self):
            return told

    class Writer:
        def get_extra_info(self, name):
            return Tls()

        def close(self):
            pass

        async def wait_closed(self):
            pass

    async def connected(host, port, **options):
        assert (host, port) == ("cliq.zoho.eu", 443)
        assert options["ssl"].check_hostname
        return None, Writer()

    monkeypatch.setattr(reaching.asyncio, "open_connection", connected)
    found = await probe("https://cliq.zoho.eu")
    ending = ", TLSv1.3" + ("" if said is None else f", certificate until {until:%Y-%m-%d}{said}")
    assert found.endswith(f" ms{ending}")
