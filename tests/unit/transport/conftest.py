import ssl

import pytest
from support.certificates import certificate, server_context


@pytest.fixture(scope="package")
def tls(tmp_path_factory):
    """The contexts of a server and of a client that trusts it."""
    key, path = certificate(tmp_path_factory.mktemp("tls"), "IP:127.0.0.1", "DNS:localhost")
    return server_context(key, path), ssl.create_default_context(cafile=path)
