"""`cliq.lock`: the ids of the bots that `cliq.toml` describes, for each server.

A server can know several organizations, and a login sees the bots of one. So a bot may have several
entries for a server; the entry that counts is the one whose id and unique name the login can see.
"""

import stat
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import attrs
import msgspec

from cliq_async.data_centers import is_loopback
from cliq_async.deploy.errors import DeployError
from cliq_async.storage.atomic import ensure_writable, write_atomic

__all__ = ["LOCK_NAME", "LockEntry", "LockFile", "bare_id", "digest", "write_shared"]

LOCK_NAME: Final = "cliq.lock"

_VERSION: Final = 1
_MAX_LOCAL: Final = 4
"""The number of local sandboxes to remember: each `cliq sandbox` may have a port of its own."""
_MODE: Final = 0o644


@attrs.frozen(kw_only=True)
class LockEntry:
    """A bot's identity, and facts that Cliq does not tell.

    Attributes:
        id: The bot's id.
        unique_name: The bot's unique name.
        digests: The digests of the applied values that Cliq does not show, by field.
        default_handlers: The types of handlers that Cliq refuses to delete.
    """

    id: str
    unique_name: str
    digests: dict[str, str] = attrs.field(factory=dict)
    default_handlers: tuple[str, ...] = ()


_Servers = dict[str, dict[str, list[LockEntry]]]


@attrs.frozen
class _Content:
    version: int
    servers: _Servers


class LockFile:
    """The entries of one server in a lock file.

    Args:
        path: The file, which need not exist.
        server: The server's base URL, with its network.
    """

    def __init__(self, path: Path, server: str) -> None:
        self.path = path
        self._server = server.rstrip("/").lower()

    def entries(self, key: str) -> list[LockEntry]:
        """Return the entries of a bot, the most recent first.

        Raises:
            DeployError: The file is not a lock file.
            OSError: It cannot be read.
        """
        return self._read().get(self._server, {}).get(key, [])

    def put(self, key: str, entry: LockEntry) -> None:
        """Save an entry, and replace the one with its id.

        Raises:
            DeployError: The file is not a lock file.
            OSError: It cannot be written; it is unchanged.
        """
        servers = self._read()
        bots = servers.pop(self._server, {})
        others = [] if _is_local(self._server) else bots.get(key, [])
        bots[key] = [entry, *(each for each in others if bare_id(each.id) != bare_id(entry.id))]
        servers[self._server] = bots
        local = [server for server in servers if _is_local(server)]
        for server in local[:-_MAX_LOCAL]:
            del servers[server]
        write_shared(self.path, _encode(servers))

    def check_writable(self) -> None:
        """Check that entries can be saved, before anything is changed.

        Raises:
            DeployError: The file is not a lock file.
            OSError: It cannot be written.
        """
        self._read()
        ensure_writable(self.path)

    def _read(self) -> _Servers:
        try:
            content = msgspec.json.decode(self.path.read_bytes(), type=_Content)
        except FileNotFoundError:
            return {}
        except (ValueError, RecursionError):
            raise DeployError(
                f"{self.path} is damaged, perhaps by a merge: restore it, or delete it to have "
                "the bots found by their names"
            ) from None
        if content.version != _VERSION:
            raise DeployError(
                f"{self.path} was written by a later version of cliq_async: upgrade it"
            )
        return content.servers


def bare_id(bot_id: str) -> str:
    """Return the digits of a bot's id, which Cliq writes with or without `b-` before them."""
    return bot_id.removeprefix("b-")


def write_shared(path: Path, data: bytes) -> None:
    """Replace the contents of a file to commit; a new one can be read by others.

    Raises:
        OSError: It cannot be written; the file is as it was.
    """
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else _MODE
    write_atomic(path, data)
    path.chmod(mode)


def digest(value: Any) -> str:
    """Return the digest of a field's value."""
    return blake2b(msgspec.json.encode(value), digest_size=16).hexdigest()


def _is_local(server: str) -> bool:
    return is_loopback(server.partition("://")[2].partition("/")[0])


def _encode(servers: _Servers) -> bytes:
    plain = {
        server: {key: [_to_dict(entry) for entry in entries] for key, entries in bots.items()}
        for server, bots in servers.items()
    }
    data = msgspec.json.encode({"version": _VERSION, "servers": plain})
    return msgspec.json.format(data, indent=2) + b"\n"


def _to_dict(entry: LockEntry) -> Mapping[str, Any]:
    return {name: value for name, value in attrs.asdict(entry).items() if value}
