"""Encryption of the access tokens that processes share in a quota store.

Others may read the store: a group that shares its file, or all users of a Redis server. The key is
derived from the credentials, which each program that may use the tokens has. The standard library
has no cipher, so this is encrypt-then-MAC of its hash functions: the text is XORed with the output
of SHAKE256 for the key and a random nonce, and an HMAC-SHA256 tells if a record was altered or is
of other credentials.
"""

import base64
import hashlib
import hmac
import secrets
from typing import Final

__all__ = ["TokenCipher"]

_NONCE_BYTES: Final = 16
_TAG_BYTES: Final = 32
_KEY_BYTES: Final = 32


class TokenCipher:
    """A cipher for one shared record.

    Args:
        credentials: The secrets that the key is derived from: long random strings, no passwords.
        name: The record's name. A record of another name has another key.
    """

    def __init__(self, credentials: tuple[str, ...], name: str) -> None:
        keys = hmac.digest("\n".join(credentials).encode(), name.encode(), "sha512")
        self._key = keys[:_KEY_BYTES]
        self._tag_key = keys[_KEY_BYTES:]

    def encrypt(self, text: str) -> str:
        """Return a text that reveals no more than the length of the encrypted one."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        data = nonce + self._mask(nonce, text.encode())
        return base64.b64encode(data + self._tag(data)).decode()

    def decrypt(self, text: str) -> str | None:
        """Return the text that was encrypted; None if it was not encrypted with this key."""
        try:
            data = base64.b64decode(text, validate=True)
        except ValueError:
            return None
        data, tag = data[:-_TAG_BYTES], data[-_TAG_BYTES:]
        if not hmac.compare_digest(tag, self._tag(data)):
            return None
        nonce, data = data[:_NONCE_BYTES], data[_NONCE_BYTES:]
        return self._mask(nonce, data).decode()

    def _mask(self, nonce: bytes, data: bytes) -> bytes:
        stream = hashlib.shake_256(self._key + nonce).digest(len(data))
        return bytes(one ^ other for one, other in zip(data, stream, strict=True))

    def _tag(self, data: bytes) -> bytes:
        return hmac.digest(self._tag_key, data, "sha256")
