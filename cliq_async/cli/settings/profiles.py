"""The file that remembers who logged in: a profile an account, with secrets where no keyring is.

It stands at the platform's place for state, not beside `cliq.toml`: folders of settings are copied
and shared. It is its owner's alone, and replaced wholly or not at all.
"""

import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import attrs
import msgspec

from cliq_async.cli.errors import USAGE, CliError
from cliq_async.storage.atomic import ensure_writable, write_atomic

__all__ = ["DEFAULT", "Profile", "ProfileStore", "Secrets", "check_name", "default_path"]

DEFAULT: Final = "default"
"""The profile that is used where none is named."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_FORMAT: Final = "cliq-profiles"
_VERSION: Final = 1
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_LOCK_S: Final = 10.0


@attrs.frozen
class Secrets:
    """What access tokens are made with, beside the client's id."""

    client_secret: str = attrs.field(repr=False)
    refresh_token: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class Profile:
    """An account that somebody logged in to.

    Attributes:
        client_id: The client's id in Zoho's API console.
        data_center: Where the account lives.
        accounts_url: The accounts server that gave the refresh token, the only one that takes it.
        account: Names the Cliq user whose quota it is.
        base_url: Another server than the data center's.
        time_scale: How much faster that server's time passes.
        scopes: What the refresh token is good for, if that is known.
        keyring: The name of the keyring that has the secrets.
        secrets: The secrets, where no keyring has them.
    """

    client_id: str
    data_center: str
    accounts_url: str
    account: str
    base_url: str | None = None
    time_scale: float | None = None
    scopes: tuple[str, ...] = ()
    keyring: str | None = None
    secrets: Secrets | None = attrs.field(default=None, repr=False)


@attrs.frozen
class _Head:
    """What tells whose a file is; other programs' files need not have it."""

    format: str = ""
    version: int = 0


@attrs.frozen
class _Content:
    profiles: dict[str, Profile]
    format: str = _FORMAT
    version: int = _VERSION


def default_path() -> Path:
    """Where the profiles are: the platform's place for state, beside the quota."""
    from platformdirs import user_state_path  # noqa: PLC0415 - only who needs a profile looks

    return user_state_path("cliq_async", appauthor=False) / "profiles.json"


def check_name(name: str, where: str = "--profile") -> str:
    """The name, if it can be a profile's.

    Raises:
        Failure: It cannot.
    """
    if _NAME.fullmatch(name) is None:
        words = "letters, digits, '.', '_' and '-', at most 64"
        raise CliError(f"{where}: a profile's name has {words}, got {name[:80]!r}", USAGE)
    return name


class ProfileStore:
    """The profiles in a file.

    Args:
        path: The file; by default the one at the platform's place for state.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or default_path()

    def profiles(self) -> dict[str, Profile]:
        """All profiles by their names, in the order of their making.

        Raises:
            Failure: The file cannot be read.
        """
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise CliError(f"{self.path}: {error.strerror}") from None
        try:
            head = msgspec.json.decode(data, type=_Head)
        except (ValueError, RecursionError):
            head = _Head()
        if head.format == _FORMAT and head.version > _VERSION:
            raise CliError(f"{self.path} was written by a later version of cliq_async: upgrade")
        try:
            if head.format == _FORMAT:
                return msgspec.json.decode(data, type=_Content).profiles
        except (ValueError, RecursionError):
            pass
        raise CliError(f"{self.path} is damaged: move it aside, and log in again")

    def readable_by_others(self) -> bool:
        """Whether somebody else than its owner may read the file or write it."""
        if os.name != "posix":
            return False
        try:
            return bool(self.path.stat().st_mode & _OTHERS)
        except OSError:
            return False

    def check(self) -> None:
        """Check that profiles can be kept, while nothing is lost if they cannot.

        Raises:
            Failure: They cannot.
        """
        self.profiles()
        with self._explained():
            self._make_folder()
            ensure_writable(self.path)

    def put(self, name: str, profile: Profile) -> None:
        """Keep a profile, in place of the one of that name.

        Raises:
            Failure: It cannot be kept; the file is as it was.
        """
        with self._changed() as profiles:
            profiles[name] = profile

    def remove(self, name: str) -> None:
        """Forget a profile.

        Raises:
            Failure: The file cannot be written; it is as it was.
        """
        with self._changed() as profiles:
            profiles.pop(name, None)

    @contextmanager
    def _changed(self) -> Iterator[dict[str, Profile]]:
        """The profiles, to be changed in the body, which no other program does meanwhile."""
        from filelock import FileLock, Timeout  # noqa: PLC0415 - reading needs none

        with self._explained():
            self._make_folder()
            lock = FileLock(self.path.with_suffix(".lock"), timeout=_LOCK_S, mode=0o600)
            try:
                with lock:
                    profiles = self.profiles()
                    yield profiles
                    self._write(profiles)
            except Timeout:
                held = f"another program has held {lock.lock_file} for {_LOCK_S:.0f} s"
                raise CliError(f"{held}: end it, and try again") from None

    def _write(self, profiles: Mapping[str, Profile]) -> None:
        content = msgspec.json.encode(_Content(dict(profiles)))
        data = msgspec.json.format(content, indent=2) + b"\n"
        write_atomic(self.path, data)

    def _make_folder(self) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Have errors say what cannot be done where."""
        try:
            yield
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise CliError(f"cannot keep profiles in {self.path}: {reason}") from None
