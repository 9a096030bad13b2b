"""Which server, and as whom, of all that options, the environment and files say."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import attrs

from cliq_async.cli.settings.resolution import ResolvedSettings, resolve
from cliq_async.client import CliqClient

__all__ = ["ConnectionOptions", "DefaultFloat", "ServerOptions"]

T = TypeVar("T")


class DefaultFloat(float):
    """An option's number that nobody typed: files of settings may say another one."""


@attrs.frozen(kw_only=True)
class ServerOptions:
    """Which server, and whose quota there; None leaves it to the environment and to files.

    Attributes:
        profile: The name of an account that somebody logged in to.
        base_url: Scheme and host of another server.
        data_center: One of `DATA_CENTERS`.
        account: Names the Cliq user whose quota it is.
        quota: Where the quota is kept, as a URL.
        time_scale: How much faster the server's time passes.
    """

    profile: str | None = None
    base_url: str | None
    data_center: str | None
    account: str | None
    quota: str | None
    time_scale: float | None

    def given(self) -> dict[str, Any]:
        """What options say, by the names of the settings."""
        return {
            "data_center": self.data_center,
            "base_url": self.base_url,
            "account": self.account,
            "quota": self.quota,
            "time_scale": self.time_scale,
        }

    def effective(self) -> ResolvedSettings:
        """What holds, and where it comes from.

        Raises:
            Failure: A file of settings is wrong, or there is no such profile.
            ValidationError: A number in the environment is none.
        """
        return resolve(self.given(), profile=self.profile)

    def options(self) -> dict[str, Any]:
        """What holds, as options of `CliqClient`.

        Raises:
            Failure: A file of settings is wrong, or there is no such profile.
            ValidationError: A number in the environment is none.
        """
        return self.effective().options()


@attrs.frozen(kw_only=True)
class ConnectionOptions(ServerOptions):
    """Which server, and as whom; None leaves it to the environment and to files.

    Attributes:
        token: The access token.
        timeout: For one request, in real seconds.
    """

    token: str | None = attrs.field(repr=False)
    timeout: float

    def given(self) -> dict[str, Any]:
        """See `Server.given`."""
        said = None if isinstance(self.timeout, DefaultFloat) else self.timeout
        return super().given() | {"timeout_s": said}

    def effective(self) -> ResolvedSettings:
        """See `Server.effective`."""
        return resolve(self.given(), profile=self.profile, token=self.token)

    def client(self, **options: Any) -> CliqClient:
        """A client for it.

        Args:
            **options: As for `CliqClient`; an `Unsaid` one gives way to files of settings.

        Raises:
            Failure: There are no credentials, or a file of settings is wrong.
            ValidationError: A setting is out of its range.
        """
        effective = self.effective()
        unsaid = {name: float(v) for name, v in options.items() if isinstance(v, DefaultFloat)}
        said = {name: value for name, value in options.items() if name not in unsaid}
        settings: dict[str, Any] = unsaid | effective.options() | said
        return CliqClient(effective.auth(), **settings)

    def run(
        self, work: Callable[[CliqClient], Awaitable[T]], *, max_wait_s: float | None = None
    ) -> T:
        """What comes of some work with a client that is open for it.

        Args:
            work: What to do.
            max_wait_s: How long it may wait for the quota; None for no end.
        """

        async def with_client() -> T:
            async with self.client(max_wait_s=max_wait_s) as client:
                return await work(client)

        return asyncio.run(with_client())
