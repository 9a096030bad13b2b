"""Signatures of events: RSA with SHA-256 over the very bytes of the body."""

import base64
import binascii
from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_public_key

from cliq_async.errors import ValidationError
from cliq_async.models.converters import as_tuple

__all__ = ["SIGNATURE_HEADER", "Verifier"]

SIGNATURE_HEADER: Final = "X-Cliq-Signature"

_MIN_BITS: Final = 2048
_LIMIT: Final = "an RSA public key of at least 2,048 bits, in PEM or as base64 of its DER form"
_PADDING: Final = PKCS1v15()
_HASH: Final = SHA256()


class Verifier:
    """Checks the signatures of events.

    Args:
        public_key: The key that Cliq shows, or several, one of which has to fit.

    Raises:
        ValidationError: A key is not an RSA public key of at least 2,048 bits, or no key is given.
    """

    def __init__(self, public_key: str | Sequence[str]) -> None:
        texts = as_tuple(public_key)
        if not texts:
            raise ValidationError("public_key", "a key or None", texts)
        self._keys = [_load(text) for text in texts]

    def verify(self, body: bytes, signature: str | None) -> bool:
        """Return True if the signature, in base64, is that of the body by one of the keys."""
        raw = _decode(signature)
        return raw is not None and any(_fits(key, raw, body) for key in self._keys)


def _load(text: object) -> RSAPublicKey:
    if not isinstance(text, str):
        raise ValidationError("public_key", _LIMIT, text)
    try:
        if "-----BEGIN" in text:
            key = load_pem_public_key(text.strip().encode())
        else:
            key = load_der_public_key(base64.b64decode("".join(text.split()), validate=True))
    except (ValueError, UnsupportedAlgorithm):
        raise ValidationError("public_key", _LIMIT, text) from None
    if not isinstance(key, RSAPublicKey):
        raise ValidationError("public_key", _LIMIT, type(key).__name__)
    if key.key_size < _MIN_BITS:
        raise ValidationError("public_key", _LIMIT, key.key_size)
    return key


def _decode(signature: str | None) -> bytes | None:
    """Decode base64 in its one canonical form, so that each signature has a single spelling."""
    try:
        given = (signature or "").encode("ascii")
        raw = binascii.a2b_base64(given)
    except ValueError:
        return None
    return raw if binascii.b2a_base64(raw, newline=False) == given else None


def _fits(key: RSAPublicKey, signature: bytes, body: bytes) -> bool:
    try:
        key.verify(signature, body, _PADDING, _HASH)
    except InvalidSignature:
        return False
    return True
