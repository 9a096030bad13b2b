"""The profiles file: one profile for each login, with its secrets if there is no keyring.

It is in the user's state folder, not next to `cliq.toml`, since folders of settings are copied and
shared. Only its owner can read it, and it is replaced atomically.
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
from cliq_async.cli.inputs.bounded import read_bounded
from cliq_async.storage.atomic import ensure_writable, write_atomic
from cliq_async.storage.user_folders import state_folder

__all__ = ["DEFAULT", "Profile", "ProfileStore", "Secrets", "default_path", "validate_name"]

DEFAULT: Final = "default"
"""The profile that is used unless another one is named."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_FORMAT: Final = "cliq-profiles"
_VERSION: Final = 1
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_LOCK_S: Final = 10.0
_NO_HOME: Final = (
    "there is no place for profiles: this user has no home folder; set HOME or XDG_STATE_HOME"
)


@attrs.frozen
class Secrets:
    """The secrets from which, with the client id, access tokens are issued."""

    client_secret: str = attrs.field(repr=False)
    refresh_token: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class Profile:
    """A login.

    Attributes:
        client_id: The client id from Zoho's API console.
        data_center: The data center of the account.
        accounts_url: The accounts server that issued the refresh token, and alone accepts it.
        account: The name under which the quota of the Cliq user is kept.
        base_url: A server other than the data center's.
        time_scale: The factor by which that server's time passes faster.
        scopes: The scopes of the refresh token, if known.
        keyring: The name of the keyring that holds the secrets.
        secrets: The secrets, unless a keyring holds them.
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
    """The fields that identify the file format; a file of another program may lack them."""

    format: str = ""
    version: int = 0


@attrs.frozen
class _Content:
    profiles: dict[str, Profile]
    format: str = _FORMAT
    version: int = _VERSION


def default_path() -> Path | None:
    """Return the path of the profiles file, next to the quota; None if the user has no home."""
    folder = state_folder()
    return None if folder is None else folder / "profiles.json"


def validate_name(name: str, where: str = "--profile") -> str:
    """Return the name of a profile if it is valid.

    Args:
        name: The name.
        where: The origin of the name, for the message.

    Raises:
        CliError: The name is not valid.
    """
    if _NAME.fullmatch(name) is None:
        rule = "1 to 64 letters, digits, '.', '_' and '-'"
        raise CliError(f"{where}: a profile name is {rule}, got {name[:80]!r}", USAGE)
    return name


class ProfileStore:
    """The profiles in a file.

    Args:
        path: The file; by default the one in the user's state folder.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or default_path()

    @property
    def path(self) -> Path:
        """The file.

        Raises:
            CliError: The user has no home, and so no profiles.
        """
        if self._path is None:
            raise CliError(_NO_HOME)
        return self._path

    def profiles(self) -> dict[str, Profile]:
        """Return all profiles by their names, the oldest first.

        Raises:
            CliError: The file cannot be read.
        """
        if self._path is None:
            return {}
        try:
            data = read_bounded(self.path)
        except (FileNotFoundError, NotADirectoryError):  # a home may be /dev/null
            return {}
        except PermissionError as error:
            raise CliError(
                f"{self.path}: {error.strerror}; check that HOME is this user's"
            ) from None
        except OSError as error:
            raise CliError(f"{self.path}: {error.strerror}") from None
        try:
            head = msgspec.json.decode(data, type=_Head)
        except (ValueError, RecursionError):
            head = _Head()
        if head.format == _FORMAT and head.version > _VERSION:
            raise CliError(f"{self.path} was written by a later version of cliq_async: upgrade it")
        try:
            if head.format == _FORMAT:
                return msgspec.json.decode(data, type=_Content).profiles
        except (ValueError, RecursionError):
            pass
        raise CliError(f"{self.path} is damaged: move it aside, then run `cliq auth login`")

    def is_open_to_others(self) -> bool:
        """Return whether users other than the owner can read or write the file."""
        if os.name != "posix":
            return False
        try:
            return bool(self.path.stat().st_mode & _OTHERS)
        except OSError:
            return False

    def check_writable(self) -> None:
        """Check that profiles can be saved, before anything is at stake.

        Raises:
            CliError: They cannot be saved.
        """
        self.profiles()
        with self._translate_errors() as path:
            ensure_writable(path)

    def put(self, name: str, profile: Profile) -> None:
        """Save a profile, and replace the one of that name.

        Raises:
            CliError: The file cannot be written; it is unchanged.
        """
        with self._update() as profiles:
            profiles[name] = profile

    def remove(self, name: str) -> None:
        """Remove a profile.

        Raises:
            CliError: The file cannot be written; it is unchanged.
        """
        with self._update() as profiles:
            profiles.pop(name, None)

    @contextmanager
    def _update(self) -> Iterator[dict[str, Profile]]:
        """Yield the profiles to change, under a lock against other programs, and write them."""
        from filelock import FileLock, Timeout  # noqa: PLC0415 - late: only a login writes

        with self._translate_errors() as path:
            lock = FileLock(path.with_suffix(".lock"), timeout=_LOCK_S, mode=0o600)
            try:
                with lock:
                    profiles = self.profiles()
                    yield profiles
                    _write(path, profiles)
            except Timeout:
                reason = f"another program has held {lock.lock_file} for {_LOCK_S:.0f} s"
                raise CliError(f"{reason}: stop it and try again") from None

    @contextmanager
    def _translate_errors(self) -> Iterator[Path]:
        """Yield the path, in a folder that exists, and turn an OSError into one that names it."""
        path = self.path
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            yield path
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise CliError(f"cannot save profiles in {path}: {reason}") from None


def _write(path: Path, profiles: Mapping[str, Profile]) -> None:
    content = msgspec.json.encode(_Content(dict(profiles)))
    write_atomic(path, msgspec.json.format(content, indent=2) + b"\n")
