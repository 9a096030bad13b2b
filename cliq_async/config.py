"""The settings of a client: their ranges, and their values in the environment."""

import os
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, TypedDict, cast

import attrs

from cliq_async.auth.provider import ApiKey, Auth, RefreshToken
from cliq_async.clock import Clock
from cliq_async.data_centers import DATA_CENTERS, check_secure, is_loopback, is_zoho, normalize_host
from cliq_async.endpoints import ENDPOINTS, Limit
from cliq_async.errors import NOTHING, ValidationError, suggest
from cliq_async.hooks import Hooks
from cliq_async.models.identifiers import path_segment
from cliq_async.models.validators import check_text
from cliq_async.quota.model import Quota
from cliq_async.quota.stores.base import QuotaStore
from cliq_async.transport.base import MAX_RESPONSE_BYTES, Transport
from cliq_async.transport.headers import check_headers, check_user_agent
from cliq_async.transport.proxy import check_proxy, proxy_from_env

if TYPE_CHECKING:
    import aiohttp

__all__ = [
    "ACCESS_TOKEN",
    "ACCOUNTS_URL",
    "API_KEY",
    "DATA_CENTERS",
    "OPTION_VARIABLES",
    "REFRESH_TOKEN",
    "ClientOptions",
    "Settings",
    "api_key_from_env",
    "from_env",
    "options_from_env",
]

Pace = Literal["even"]

ACCESS_TOKEN: Final = "CLIQ_ACCESS_TOKEN"  # noqa: S105 - the name of a variable
REFRESH_TOKEN: Final = ("CLIQ_CLIENT_ID", "CLIQ_CLIENT_SECRET", "CLIQ_REFRESH_TOKEN")
"""The variables of a refresh token, which have to be set together."""
API_KEY: Final = "CLIQ_ZAPIKEY"
ACCOUNTS_URL: Final = "CLIQ_ACCOUNTS_URL"
OPTION_VARIABLES: Final = {
    "data_center": "CLIQ_DATA_CENTER",
    "base_url": "CLIQ_BASE_URL",
    "quota": "CLIQ_QUOTA",
    "account": "CLIQ_ACCOUNT",
    "allow_http": "CLIQ_ALLOW_HTTP",
    "time_scale": "CLIQ_TIME_SCALE",
    "proxy": "CLIQ_PROXY",
}
"""The environment variable of each option of the client that can be set by one."""

_MIN: Final = 1e-6
_MAX: Final = 1e9


def _number(low: float, description: str, *, optional: bool = False) -> Any:
    """Return a validator for a number from `low` up to the largest that clocks can count."""

    def validate(_settings: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
        if value is None and optional:
            return
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not low <= cast("float", value) <= _MAX:
            raise ValidationError(attribute.name, description, value)

    return validate


_SECONDS: Final = _number(0.0, "at least 0")
_SECONDS_OR_NONE: Final = _number(0.0, "at least 0, or None", optional=True)
_POSITIVE: Final = _number(_MIN, "more than 0")
_POSITIVE_OR_NONE: Final = _number(_MIN, "more than 0, or None", optional=True)


def _check_bytes(_settings: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValidationError(attribute.name, "a whole number of bytes, at least 1", value)


def _check_account(_settings: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    check_text(attribute.name, value, 1)


def _check_network(_settings: object, attribute: "attrs.Attribute[Any]", value: str | None) -> None:
    if value is not None:
        path_segment(attribute.name, value)


def _check_limits(_settings: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    if not isinstance(value, Mapping):
        raise ValidationError(attribute.name, "a dict of Limits by endpoint name", value)
    for name, limit in value.items():
        if name not in ENDPOINTS:
            hint = f"there is no endpoint {name!r}; {suggest(str(name), ENDPOINTS)}"
            raise ValidationError(attribute.name, hint, NOTHING)
        if not isinstance(limit, Limit):
            raise ValidationError(attribute.name, f"a Limit for {name}", limit)


def _check_proxy(_settings: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    if value is not None:
        check_proxy(attribute.name, value)


def _check_user_agent(_settings: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    check_user_agent(attribute.name, value)


def _check_headers(_settings: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    check_headers(attribute.name, value)


class ClientOptions(TypedDict, total=False):
    """The keyword arguments of `CliqClient`, which documents them."""

    data_center: str
    base_url: str | None
    network: str | None
    account: str
    quota: QuotaStore | str | None
    limits: Mapping[str, Limit] | None
    margin_s: float
    straggler_s: float
    max_wait_s: float | None
    timeout_s: float | None
    max_response_bytes: int
    pace: Pace | None
    max_rate: float | None
    time_scale: float
    allow_http: str | Collection[str]
    connector: "aiohttp.BaseConnector | None"
    proxy: str | None
    trust_env: bool
    user_agent: str
    headers: Mapping[str, str] | None
    hooks: Hooks | None
    transport: Transport | None
    clock: Clock | None


def _as_hosts(value: str | Iterable[str]) -> Any:
    return (value,) if isinstance(value, str) else tuple(value)


@attrs.frozen(kw_only=True)
class Settings:
    """A client's validated settings. `CliqClient` documents them."""

    data_center: str = "us"
    base_url: str | None = None
    network: str | None = attrs.field(default=None, validator=_check_network)
    account: str = attrs.field(default="default", validator=_check_account)
    limits: Mapping[str, Limit] = attrs.field(factory=dict, validator=_check_limits)
    margin_s: float = attrs.field(default=1.0, validator=_SECONDS)
    straggler_s: float = attrs.field(default=30.0, validator=_SECONDS)
    max_wait_s: float | None = attrs.field(default=75.0, validator=_SECONDS_OR_NONE)
    timeout_s: float | None = attrs.field(default=30.0, validator=_POSITIVE_OR_NONE)
    max_response_bytes: int = attrs.field(default=MAX_RESPONSE_BYTES, validator=_check_bytes)
    pace: Pace | None = None
    max_rate: float | None = attrs.field(default=None, validator=_POSITIVE_OR_NONE)
    time_scale: float = attrs.field(default=1.0, validator=_POSITIVE)
    allow_http: tuple[str, ...] = attrs.field(default=(), converter=_as_hosts)
    proxy: str | None = attrs.field(default=None, validator=_check_proxy, repr=False)
    trust_env: bool = False
    user_agent: str = attrs.field(default="", validator=_check_user_agent)
    headers: Mapping[str, str] = attrs.field(factory=dict, validator=_check_headers, repr=False)

    def __attrs_post_init__(self) -> None:
        if self.data_center not in DATA_CENTERS:
            raise ValidationError(
                "data_center", "one of " + ", ".join(DATA_CENTERS), self.data_center
            )
        if self.pace not in (None, "even"):
            raise ValidationError("pace", "None or 'even'", self.pace)
        host = self._host()
        check_secure("base_url", self._url(), self.allow_http)
        if self.time_scale != 1.0 and is_zoho(host):
            limit = (
                "1 for Zoho's own servers (for a sandbox set base_url= or CLIQ_BASE_URL, "
                "else leave out time_scale= and CLIQ_TIME_SCALE)"
            )
            raise ValidationError("time_scale", limit, self.time_scale)
        if self.trust_env and self.proxy is None:
            proxy_from_env(self._url())  # raises an error if it is not valid

    @property
    def accounts_url(self) -> str:
        """The accounts server of the data center."""
        return DATA_CENTERS[self.data_center].accounts_url

    @property
    def root_url(self) -> str:
        """The scheme, host and network, without a slash at the end."""
        url = self._url()
        if self.network is None:
            return url
        return f"{url}/network/{path_segment('network', self.network)}"

    def check_key_is_safe(self) -> None:
        """Check that a key in the query is encrypted, or stays on this machine.

        Raises:
            ValidationError: The server is called over plain HTTP and is another machine.
        """
        host = self._host()
        if not self._url().lower().startswith("https:") and not is_loopback(host):
            raise ValidationError("base_url", "https for an ApiKey", f"http://{host}")

    def quotas(self) -> dict[str, Quota]:
        """Return the quota of each endpoint by the endpoint's name."""
        return {
            name: self.quota(name, self.limits.get(name, endpoint.limit))
            for name, endpoint in ENDPOINTS.items()
        }

    def quota(self, endpoint: str, limit: Limit) -> Quota:
        """Return the quota of one endpoint."""
        return Quota.of(
            endpoint,
            limit,
            host=self._host(),
            account=self.account,
            time_scale=self.time_scale,
            margin_s=self.margin_s,
            straggler_s=self.straggler_s,
        )

    def _url(self) -> str:
        if self.base_url is None:
            return DATA_CENTERS[self.data_center].api_url
        return self.base_url.rstrip("/")

    def _host(self) -> str:
        """Return the normalized host and port, by which requests are counted together."""
        return normalize_host("base_url", self._url())


def from_env(environ: Mapping[str, str] = os.environ) -> tuple[Auth, dict[str, Any]]:
    """Read credentials and client options from the environment's CLIQ_ variables.

    Raises:
        ValidationError: Credentials are missing, or a numeric setting is not a number.
    """
    environ = _stripped(environ)
    auth: Auth
    if environ.get(ACCESS_TOKEN):
        auth = environ[ACCESS_TOKEN]
    elif all(environ.get(name) for name in REFRESH_TOKEN):
        auth = RefreshToken(
            *(environ[name] for name in REFRESH_TOKEN),
            accounts_url=environ.get(ACCOUNTS_URL) or None,
        )
    elif environ.get(API_KEY):
        auth = api_key_from_env(environ)
    else:
        grant = f"{', '.join(REFRESH_TOKEN[:-1])} and {REFRESH_TOKEN[-1]}"
        limit = (
            f"no credentials: set {ACCESS_TOKEN}, or {grant}, or {API_KEY}; "
            "programs do not read the login of `cliq auth login`"
        )
        raise ValidationError("environment", limit, NOTHING)
    return auth, options_from_env(environ)


def api_key_from_env(environ: Mapping[str, str]) -> ApiKey:
    """Read the API key from its variable, which has to be set.

    Raises:
        ValidationError: The value is not a valid key.
    """
    try:
        return ApiKey(environ[API_KEY])
    except ValidationError as error:
        raise ValidationError(API_KEY, error.limit, error.given) from None


def options_from_env(environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Read client options from the environment's CLIQ_ variables.

    Raises:
        ValidationError: A numeric setting is not a number.
    """
    environ = _stripped(environ)
    options: dict[str, Any] = {
        option: environ[name] for option, name in OPTION_VARIABLES.items() if environ.get(name)
    }
    if "allow_http" in options:
        options["allow_http"] = [each.strip() for each in options["allow_http"].split(",")]
    if "time_scale" in options:
        scale = options["time_scale"]
        try:
            options["time_scale"] = float(scale)
        except ValueError:
            raise ValidationError(OPTION_VARIABLES["time_scale"], "a number", scale) from None
    return options


def _stripped(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value.strip() for name, value in environ.items() if name.startswith("CLIQ_")}
