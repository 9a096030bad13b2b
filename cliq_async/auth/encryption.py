"""Encryption of the access tokens that processes share in a quota store.

Others may read the store: a group that shares its file, or all users of a Redis server. The key is
derived from the credentials, which each program that may use the tokens has.
"""

import base64
import hmac

__all__ = ["TokenCipher"]


class TokenCipher:
    """A cipher for one shared record: Fernet, which also refuses an altered text.

    Args:
        credentials: The secrets that the key is derived from: long random strings, no passwords.
        name: The record's name. A record of another name has another key.
    """

    def __init__(self, credentials: tuple[str, ...], name: str) -> None:
        # 15 ms, which only clients that share a token need to spend.
        from cryptography.fernet import Fernet, InvalidToken  # noqa: PLC0415

        key = hmac.digest("\n".join(credentials).encode(), name.encode(), "sha256")
        self._fernet = Fernet(base64.urlsafe_b64encode(key))
        self._errors = (InvalidToken, ValueError)

    def encrypt(self, text: str) -> str:
        """Return a text that reveals no more than the time and the length of the encrypted one."""
        return self._fernet.encrypt(text.encode()).decode()

    def decrypt(self, text: str) -> str | None:
        """Return the text that was encrypted; None if it was not encrypted with this key."""
        try:
            return self._fernet.decrypt(text).decode()
        except self._errors:
            return None
