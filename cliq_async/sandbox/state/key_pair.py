"""The RSA key pair that signs the events of webhook bots."""

import base64
import threading
from typing import Final

from cryptography.hazmat.primitives import hashes, serialization as form
from cryptography.hazmat.primitives.asymmetric import padding, rsa

__all__ = ["KeyPair"]

_BITS: Final = 2048
_EXPONENT: Final = 65537


class KeyPair:
    """A key pair that is generated on first use.

    Args:
        private_key: A private key, in the format of the property; None to generate one.

    Raises:
        ValueError: The text is not a base64 text.
    """

    def __init__(self, private_key: str | None = None) -> None:
        self._der = None if private_key is None else base64.b64decode(private_key, validate=True)
        self._key: rsa.RSAPrivateKey | None = None
        self._lock = threading.Lock()

    @property
    def is_ready(self) -> bool:
        """True once the key pair is made or loaded."""
        return self._key is not None

    @property
    def private_key(self) -> str | None:
        """The private key as base64 of its PKCS#8 DER; None if it was never needed."""
        return None if self._der is None else base64.b64encode(self._der).decode()

    @property
    def public_key(self) -> str:
        """The public key as base64 of its DER, as Cliq shows it.

        Raises:
            ValueError: The private key is damaged.
        """
        key = self._load()
        der = key.public_key().public_bytes(
            form.Encoding.DER, form.PublicFormat.SubjectPublicKeyInfo
        )
        return base64.b64encode(der).decode()

    def prepare(self) -> None:
        """Make or load the key pair, which takes a moment.

        Raises:
            ValueError: The private key is damaged.
        """
        self._load()

    def sign(self, body: bytes) -> str:
        """Return the base64 signature of a body: PKCS#1 v1.5 with SHA-256.

        Raises:
            ValueError: The private key is damaged.
        """
        key = self._load()
        return base64.b64encode(key.sign(body, padding.PKCS1v15(), hashes.SHA256())).decode()

    def _load(self) -> rsa.RSAPrivateKey:
        with self._lock:
            if self._key is None:
                self._key = self._make()
            return self._key

    def _make(self) -> rsa.RSAPrivateKey:
        if self._der is None:
            key = rsa.generate_private_key(public_exponent=_EXPONENT, key_size=_BITS)
            self._der = key.private_bytes(
                form.Encoding.DER, form.PrivateFormat.PKCS8, form.NoEncryption()
            )
        else:
            loaded = form.load_der_private_key(self._der, None)
            if not isinstance(loaded, rsa.RSAPrivateKey):
                raise ValueError("the private key is not an RSA key")
            key = loaded
        return key
