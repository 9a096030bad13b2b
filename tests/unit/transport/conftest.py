import ssl
import subprocess

import pytest


@pytest.fixture(scope="package")
def tls(tmp_path_factory):
    """The contexts of a server and of a client that trusts it."""
    directory = tmp_path_factory.mktemp("tls")
    key, certificate = directory / "key.pem", directory / "certificate.pem"
    command = (
        f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
        f"-keyout {key} -out {certificate} -subj /CN=localhost "
        f"-addext subjectAltName=IP:127.0.0.1,DNS:localhost"
    )
    subprocess.run(command.split(), check=True, capture_output=True)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(certificate, key)
    return server, ssl.create_default_context(cafile=str(certificate))
