"""The error of bots that cannot be brought into line with their description."""

from cliq_async.errors import CliqError

__all__ = ["DeployError"]


class DeployError(CliqError):
    """The bots in Cliq, or the lock file, do not allow the changes. Nothing was changed."""
