"""The folders in which a platform keeps a user's settings and state."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

__all__ = ["config_folder", "expand_home", "state_folder"]

_NAME: Final = "cliq_async"


def config_folder() -> Path | None:
    """Return the folder of this user's settings; None if the user has no home."""
    from platformdirs import user_config_path  # noqa: PLC0415 - only some programs need it

    return _absolute(lambda: user_config_path(_NAME, appauthor=False))


def state_folder() -> Path | None:
    """Return the folder of this user's quota and profiles; None if the user has no home."""
    from platformdirs import user_state_path  # noqa: PLC0415 - only some programs need it

    return _absolute(lambda: user_state_path(_NAME, appauthor=False))


def expand_home(path: str) -> Path | None:
    """Replace `~` at the start of a path; None if the user that it stands for has no home."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return None


def _absolute(find: Callable[[], Path]) -> Path | None:
    """Return a path; None if it needs a home and the user has no home."""
    try:
        path = find()
    except RuntimeError:
        return None
    return path if path.is_absolute() else None  # older versions leave a `~` as it is
