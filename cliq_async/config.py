"""Client settings, and reading them from the environment."""

import os
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, cast

import attrs

from cliq_async.auth.provider import Auth, RefreshToken
from cliq_async.data_centers import DATA_CENTERS, check_secure, is_zoho, normalize_host
from cliq_async.endpoints import ENDPOINTS, Limit
from cliq_async.errors import ValidationError
from cliq_async.models.identifiers import path_segment
from cliq_async.models.validators import check_text
from cliq_async.quota.model import Quota

__all__ = ["DATA_CENTERS", "Settings", "from_env", "options_from_env"]

Pace = Literal["even"]

_MIN: Final = 1e-6
_MAX: Final = 1e9


def _number(low: float, words: str, *, optional: bool = False) -> Any:
    """Return a validator for a number from `low` up to a limit that any clock can represent."""

    def validate(_settings: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
        if value is None and optional:
            return
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not low <= cast("float", value) <= _MAX:
            raise ValidationError(attribute.name, words, value)

    return validate


_SECONDS: Final = _number(0.0, "at least 0")
_SECONDS_OR_NONE: Final = _number(0.0, "at least 0, or None", optional=True)
_POSITIVE: Final = _number(_MIN, "more than 0")
_POSITIVE_OR_NONE: Final = _number(_MIN, "more than 0, or None", optional=True)


def _account(_settings: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    check_text(attribute.name, value, 1)


def _network(_settings: object, attribute: "attrs.Attribute[Any]", value: str | None) -> None:
    if value is not None:
        path_segment(attribute.name, value)


def _limits(_settings: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    if not isinstance(value, Mapping):
        raise ValidationError(attribute.name, "a dict of Limits by endpoint name", value)
    for name, limit in value.items():
        if name not in ENDPOINTS:
            raise ValidationError(attribute.name, "names of endpoints", name)
        if not isinstance(limit, Limit):
            raise ValidationError(attribute.name, f"a Limit for {name}", limit)


def _hosts(value: str | Iterable[str]) -> Any:
    return (value,) if isinstance(value, str) else tuple(value)


@attrs.frozen(kw_only=True)
class Settings:
    """A client's checked settings, documented at `CliqClient`."""

    data_center: str = "us"
    base_url: str | None = None
    network: str | None = attrs.field(default=None, validator=_network)
    account: str = attrs.field(default="default", validator=_account)
    limits: Mapping[str, Limit] = attrs.field(factory=dict, validator=_limits)
    margin_s: float = attrs.field(default=1.0, validator=_SECONDS)
    straggler_s: float = attrs.field(default=30.0, validator=_SECONDS)
    max_wait_s: float | None = attrs.field(default=75.0, validator=_SECONDS_OR_NONE)
    timeout_s: float | None = attrs.field(default=30.0, validator=_POSITIVE_OR_NONE)
    pace: Pace | None = None
    max_rate: float | None = attrs.field(default=None, validator=_POSITIVE_OR_NONE)
    time_scale: float = attrs.field(default=1.0, validator=_POSITIVE)
    allow_http: tuple[str, ...] = attrs.field(default=(), converter=_hosts)

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
            raise ValidationError("time_scale", "1 for Zoho's own servers", self.time_scale)

    @property
    def accounts_url(self) -> str:
        """The accounts server of the data center."""
        return DATA_CENTERS[self.data_center].accounts_url

    @property
    def root_url(self) -> str:
        """Scheme, host and network, without a trailing slash."""
        url = self._url()
        if self.network is None:
            return url
        return f"{url}/network/{path_segment('network', self.network)}"

    def quotas(self) -> dict[str, Quota]:
        """Return the quota of each endpoint, by the endpoint's name."""
        host = self._host()
        return {
            name: Quota.of(
                name,
                self.limits.get(name, endpoint.limit),
                host=host,
                account=self.account,
                time_scale=self.time_scale,
                margin_s=self.margin_s,
                straggler_s=self.straggler_s,
            )
            for name, endpoint in ENDPOINTS.items()
        }

    def _url(self) -> str:
        if self.base_url is None:
            return DATA_CENTERS[self.data_center].api_url
        return self.base_url.rstrip("/")

    def _host(self) -> str:
        """Return the normalized host and port, which identify a quota."""
        return normalize_host("base_url", self._url())


def from_env(environ: Mapping[str, str] = os.environ) -> tuple[Auth, dict[str, Any]]:
    """Return credentials and client options from the environment's CLIQ_ variables.

    Raises:
        ValidationError: Credentials are missing, or a numeric setting is not a number.
    """
    environ = _stripped(environ)
    auth: Auth
    refresh = ("CLIQ_CLIENT_ID", "CLIQ_CLIENT_SECRET", "CLIQ_REFRESH_TOKEN")
    if environ.get("CLIQ_ACCESS_TOKEN"):
        auth = environ["CLIQ_ACCESS_TOKEN"]
    elif all(environ.get(name) for name in refresh):
        auth = RefreshToken(
            *(environ[name] for name in refresh),
            accounts_url=environ.get("CLIQ_ACCOUNTS_URL") or None,
        )
    else:
        wanted = "CLIQ_ACCESS_TOKEN, or all of " + ", ".join(refresh)
        raise ValidationError("environment", wanted, "neither")
    return auth, options_from_env(environ)


def options_from_env(environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Return client options from the environment's CLIQ_ variables.

    Raises:
        ValidationError: A numeric setting is not a number.
    """
    environ = _stripped(environ)
    names = {
        "data_center": "CLIQ_DATA_CENTER",
        "base_url": "CLIQ_BASE_URL",
        "quota": "CLIQ_QUOTA",
        "account": "CLIQ_ACCOUNT",
    }
    options: dict[str, Any] = {
        option: environ[name] for option, name in names.items() if environ.get(name)
    }
    hosts = environ.get("CLIQ_ALLOW_HTTP")
    if hosts:
        options["allow_http"] = [each.strip() for each in hosts.split(",")]
    scale = environ.get("CLIQ_TIME_SCALE")
    if scale:
        try:
            options["time_scale"] = float(scale)
        except ValueError:
            raise ValidationError("CLIQ_TIME_SCALE", "a number", scale) from None
    return options


def _stripped(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value.strip() for name, value in environ.items() if name.startswith("CLIQ_")}
