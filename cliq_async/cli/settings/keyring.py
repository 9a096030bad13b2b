"""The system's keyring, if there is one that asks nobody and keeps nobody waiting.

The package `keyring` comes with an extra. Not every keyring that it finds is of use: one that keeps
secrets in a plain file is no better than ours, and one that wants a password typed, or shows a
window where there is no screen, would hang a program that runs by itself. So only those count that
the package recommends, on Linux only with a screen and a session bus; what the user has chosen with
PYTHON_KEYRING_BACKEND counts in any case.
"""

import os
import sys
from typing import Any, Final

import attrs
import msgspec

from cliq_async.cli.errors import CliError
from cliq_async.cli.settings.profiles import Secrets

__all__ = ["Keyring", "find_keyring"]

_SERVICE: Final = "cliq_async"
_CHOSEN: Final = "PYTHON_KEYRING_BACKEND"
_RECOMMENDED: Final = 1


@attrs.frozen
class Keyring:
    """A keyring.

    Attributes:
        name: What it is called.
    """

    name: str
    _backend: Any = attrs.field(repr=False)

    def save(self, profile: str, secrets: Secrets) -> bool:
        """Keep a profile's secrets. False if they cannot be read back as they are."""
        text = msgspec.json.encode(secrets).decode()
        try:
            self._backend.set_password(_SERVICE, profile, text)
            kept: object = self._backend.get_password(_SERVICE, profile)
        except Exception:  # noqa: BLE001 - backends raise what they like
            return False
        return kept == text

    def load(self, profile: str) -> Secrets | None:
        """A profile's secrets; None if there are none.

        Raises:
            Failure: The keyring does not say, or says something else.
        """
        try:
            text = self._backend.get_password(_SERVICE, profile)
        except Exception as error:  # noqa: BLE001 - backends raise what they like
            raise CliError(f"{self.name} fails: {type(error).__name__}: is it locked?") from None
        if text is None:
            return None
        try:
            return msgspec.json.decode(text, type=Secrets)
        except (ValueError, TypeError):
            raise CliError(f"{self.name} has something else for profile {profile!r}") from None

    def delete(self, profile: str) -> None:
        """Forget a profile's secrets, if there are any.

        Raises:
            Failure: They are still there.
        """
        try:
            if self._backend.get_password(_SERVICE, profile) is not None:
                self._backend.delete_password(_SERVICE, profile)
        except Exception as error:  # noqa: BLE001 - backends raise what they like
            raise CliError(f"{self.name} fails: {type(error).__name__}: is it locked?") from None


def find_keyring() -> Keyring | None:
    """The keyring to use, or None."""
    if not _can_show():
        return None
    try:
        import keyring  # noqa: PLC0415 - it comes with an extra, and takes a while

        backend = keyring.get_keyring()
        name = str(getattr(backend, "name", type(backend).__name__))
        priority = float(backend.priority)
    except Exception:  # noqa: BLE001 - it is not installed, or a backend of it is broken
        return None
    if priority < _RECOMMENDED and not os.environ.get(_CHOSEN):
        return None
    return Keyring(name, backend) if priority > 0 else None


def _can_show() -> bool:
    """Whether a keyring could ask for its password, should it be locked."""
    if os.environ.get(_CHOSEN) or not sys.platform.startswith("linux"):
        return True
    screen = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return bool(screen and os.environ.get("DBUS_SESSION_BUS_ADDRESS"))
