"""As whom requests are made: an access token, the environment's refresh token, or a profile's."""

from collections.abc import Mapping
from typing import Final

import attrs

from cliq_async.auth.provider import Auth, RefreshToken
from cliq_async.cli.errors import CliError
from cliq_async.cli.settings.keyring import find_keyring
from cliq_async.cli.settings.profiles import Profile, ProfileStore, Secrets

__all__ = ["ACCESS", "REFRESH", "CredentialLookup", "Credentials", "secrets_of"]

ACCESS: Final = "CLIQ_ACCESS_TOKEN"
REFRESH: Final = ("CLIQ_CLIENT_ID", "CLIQ_CLIENT_SECRET", "CLIQ_REFRESH_TOKEN")


@attrs.frozen
class Credentials:
    """As whom requests are made.

    Attributes:
        kind: "access token" or "refresh token".
        source: Where they come from, in words.
        client_id: The client's id, for a refresh token.
        profile: The name of the profile that has them, if one has.
        login: What a login has stored there.
        given: The credentials, if no profile has them.
    """

    kind: str
    source: str
    client_id: str | None = None
    profile: str | None = None
    login: Profile | None = None
    given: Auth = attrs.field(default="", repr=False)

    def at(self, accounts_url: str) -> "Credentials":
        """The same with another accounts server, for the refresh token of no profile.

        Raises:
            ValidationError: It is no server's URL.
        """
        if not isinstance(self.given, RefreshToken):
            return self
        return attrs.evolve(self, given=attrs.evolve(self.given, accounts_url=accounts_url))

    def auth(self) -> Auth:
        """The same for a client, with what a keyring has of them.

        Raises:
            Failure: A keyring does not give them.
        """
        if self.profile is None or self.login is None:
            return self.given
        secrets = secrets_of(self.profile, self.login)
        return RefreshToken(
            self.login.client_id,
            secrets.client_secret,
            secrets.refresh_token,
            accounts_url=self.login.accounts_url,
        )


def secrets_of(name: str, profile: Profile) -> Secrets:
    """The secrets of a profile, wherever they are.

    Raises:
        Failure: They cannot be had.
    """
    if profile.secrets is not None:
        return profile.secrets
    keyring = find_keyring()
    if keyring is None:
        raise CliError(
            f"the secrets of profile {name!r} are in {profile.keyring}, which cannot be used here: "
            "log in with `cliq auth login --store file`, or set CLIQ_REFRESH_TOKEN and the like"
        )
    found = keyring.load(name)
    if found is None:
        raise CliError(
            f"{keyring.name} has no secrets of profile {name!r} any more: `cliq auth login`"
        )
    return found


@attrs.frozen
class CredentialLookup:
    """Looks for credentials.

    Attributes:
        profile: The profile's name.
        env: The environment.
        token: The access token that an option gives.
        first: Whether the profile's win over the environment's.
    """

    profile: str
    env: Mapping[str, str] = attrs.field(repr=False)
    token: str | None = attrs.field(repr=False)
    first: bool = attrs.field(kw_only=True)

    def credentials(self) -> Credentials | None:
        """What there is.

        Raises:
            Failure: The profiles cannot be read.
            ValidationError: What the environment has cannot be credentials.
        """
        if self.token is not None:
            return Credentials("access token", "--token", given=self.token)
        if self.first:
            return self._of_profile()
        return self._of_environment() or self._of_profile()

    def _of_profile(self) -> Credentials | None:
        login = ProfileStore().profiles().get(self.profile)
        if login is None:
            return None
        source = f"profile {self.profile}"
        return Credentials("refresh token", source, login.client_id, self.profile, login)

    def _of_environment(self) -> Credentials | None:
        if ACCESS in self.env:
            return Credentials("access token", ACCESS, given=self.env[ACCESS])
        if any(name not in self.env for name in REFRESH):
            return None
        auth = RefreshToken(*(self.env[name] for name in REFRESH))
        return Credentials("refresh token", REFRESH[-1], auth.client_id, given=auth)
