"""The system's keyring, if it can be used without a prompt.

The package `keyring` is an optional extra, and not every backend it finds is suitable: one that
stores secrets in a plain file is not safer than the profiles file, and one that prompts for a
password would block a program that runs unattended. So a backend is used only if the package
recommends it and, on Linux, if there are a screen and a session bus. A backend that the user chose
with PYTHON_KEYRING_BACKEND is always used.
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
        name: The name of its backend.
    """

    name: str
    _backend: Any = attrs.field(repr=False)

    def save(self, profile: str, secrets: Secrets) -> bool:
        """Save the secrets of a profile; False if they cannot be read back unchanged."""
        text = msgspec.json.encode(secrets).decode()
        try:
            self._backend.set_password(_SERVICE, profile, text)
            saved: object = self._backend.get_password(_SERVICE, profile)
        except Exception:  # noqa: BLE001 - backends raise any exception
            return False
        return saved == text

    def load(self, profile: str) -> Secrets | None:
        """Load the secrets of a profile, or None.

        Raises:
            CliError: The keyring fails, or its entry is not valid.
        """
        try:
            text = self._backend.get_password(_SERVICE, profile)
        except Exception as error:  # noqa: BLE001 - backends raise any exception
            raise CliError(
                f"{self.name} failed ({type(error).__name__}): check that it is unlocked"
            ) from None
        if text is None:
            return None
        try:
            return msgspec.json.decode(text, type=Secrets)
        except (ValueError, TypeError):
            entry = f"the entry of profile {profile!r} in {self.name}"
            raise CliError(f"{entry} is not valid: run `cliq auth login`") from None

    def delete(self, profile: str) -> None:
        """Delete the secrets of a profile, if there are any.

        Raises:
            CliError: The keyring fails; the secrets may still be in it.
        """
        try:
            if self._backend.get_password(_SERVICE, profile) is not None:
                self._backend.delete_password(_SERVICE, profile)
        except Exception as error:  # noqa: BLE001 - backends raise any exception
            raise CliError(
                f"{self.name} failed ({type(error).__name__}): check that it is unlocked"
            ) from None


def find_keyring() -> Keyring | None:
    """Return the keyring to use, or None."""
    if not _can_prompt():
        return None
    try:
        import keyring  # noqa: PLC0415 - optional, and slow to import

        backend = keyring.get_keyring()
        name = str(getattr(backend, "name", type(backend).__name__))
        priority = float(backend.priority)
    except Exception:  # noqa: BLE001 - not installed, or a broken backend
        return None
    if priority < _RECOMMENDED and not os.environ.get(_CHOSEN):
        return None
    return Keyring(name, backend) if priority > 0 else None


def _can_prompt() -> bool:
    """Return whether a locked keyring could show a prompt for its password."""
    if os.environ.get(_CHOSEN) or not sys.platform.startswith("linux"):
        return True
    screen = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return bool(screen and os.environ.get("DBUS_SESSION_BUS_ADDRESS"))
