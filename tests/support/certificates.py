"""Certificates that sign themselves, for servers with TLS on this machine."""

import ssl
import subprocess


def certificate(folder, *names):
    """Make a key and a certificate in a folder, and return their paths.

    Args:
        folder: The folder.
        names: What the certificate is for, such as `IP:127.0.0.1` or `DNS:localhost`.
    """
    key, path = str(folder / "key.pem"), str(folder / "certificate.pem")
    subject = names[-1].partition(":")[2]
    command = (
        f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
        f"-keyout {key} -out {path} -subj /CN={subject} -addext subjectAltName={','.join(names)}"
    )
    subprocess.run(command.split(), check=True, capture_output=True)
    return key, path


def server_context(key, path):
    """The context of a server that has a certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(path, key)
    return context
