"""The connection options of a command, and the client that they resolve to."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import attrs

from cliq_async.cli.outputs.wait_notice import wait_notice
from cliq_async.cli.settings.resolution import ResolvedSettings, resolve
from cliq_async.client import CliqClient

__all__ = ["ConnectionOptions", "DefaultFloat", "ServerOptions"]

T = TypeVar("T")


class DefaultFloat(float):
    """A number not given on the command line: a default that config files may override."""


@attrs.frozen(kw_only=True)
class ServerOptions:
    """The options for a server and a quota; None leaves a setting to the environment and to files.

    Attributes:
        profile: The name of a logged-in profile.
        base_url: The scheme and host of a server other than Zoho's.
        data_center: One of `DATA_CENTERS`.
        account: The name under which the quota of the Cliq user is kept.
        quota: The URL of the quota store.
        time_scale: The factor by which the server's time passes faster.
        proxy: The URL of an HTTP proxy.
    """

    profile: str | None = None
    base_url: str | None
    data_center: str | None
    account: str | None
    quota: str | None
    time_scale: float | None
    proxy: str | None = attrs.field(default=None, repr=False)

    def given(self) -> dict[str, Any]:
        """Return the values of the options by the names of the settings."""
        return {
            "data_center": self.data_center,
            "base_url": self.base_url,
            "account": self.account,
            "quota": self.quota,
            "time_scale": self.time_scale,
            "proxy": self.proxy,
        }

    def resolve(self) -> ResolvedSettings:
        """Resolve the settings by precedence.

        Raises:
            CliError: A config file is not valid, or the profile does not exist.
            ValidationError: A numeric setting in the environment is not a number.
        """
        return resolve(self.given(), profile=self.profile)

    def options(self) -> dict[str, Any]:
        """Resolve the settings into options of `CliqClient`.

        Raises:
            CliError: A config file is not valid, or the profile does not exist.
            ValidationError: A numeric setting in the environment is not a number.
        """
        return self.resolve().options()


@attrs.frozen(kw_only=True)
class ConnectionOptions(ServerOptions):
    """The options for a server, a quota and credentials.

    Attributes:
        token: The access token.
        timeout: The timeout of a request, in real seconds.
    """

    token: str | None = attrs.field(repr=False)
    timeout: float

    def given(self) -> dict[str, Any]:
        """See `ServerOptions.given`."""
        timeout_s = None if isinstance(self.timeout, DefaultFloat) else self.timeout
        return super().given() | {"timeout_s": timeout_s}

    def resolve(self) -> ResolvedSettings:
        """See `ServerOptions.resolve`."""
        return resolve(self.given(), profile=self.profile, token=self.token)

    def client(self, **options: Any) -> CliqClient:
        """Build a client.

        Args:
            **options: As for `CliqClient`; config files override a `DefaultFloat`.

        Raises:
            CliError: There are no credentials, or a config file is not valid.
            ValidationError: A setting is out of its range.
        """
        resolve = self.resolve()
        defaults = {name: float(v) for name, v in options.items() if isinstance(v, DefaultFloat)}
        explicit = {name: value for name, value in options.items() if name not in defaults}
        settings: dict[str, Any] = defaults | resolve.options() | explicit
        with resolve.named():
            return CliqClient(resolve.auth(), trust_env=True, **settings)

    def run(
        self, work: Callable[[CliqClient], Awaitable[T]], *, max_wait_s: float | None = None
    ) -> T:
        """Run work with an open client, and return its result. Waits are said on a terminal.

        Args:
            work: A coroutine function that takes the client.
            max_wait_s: The longest wait for the quota; None for no limit.
        """

        async def with_client() -> T:
            async with self.client(max_wait_s=max_wait_s, hooks=wait_notice()) as client:
                return await work(client)

        return asyncio.run(with_client())
