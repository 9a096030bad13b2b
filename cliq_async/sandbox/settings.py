"""The sandbox's options and their validation."""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import attrs

from cliq_async.endpoints import ENDPOINTS, Limit
from cliq_async.sandbox.algorithms import ALGORITHMS
from cliq_async.sandbox.dialect import DIALECTS
from cliq_async.sandbox.faults import Fault, parse_fault
from cliq_async.sandbox.origins import is_host

__all__ = ["Settings"]

_MAX_PORT: Final = 65535
_SCOPE: Final = re.compile(r"\w+(\.\w+)+")


def _validator(allowed: str, is_allowed: Callable[[Any], bool]) -> Any:
    """Return a validator that raises a ValueError naming the option and its allowed values."""

    def check(_: object, attribute: "attrs.Attribute[Any]", value: Any) -> None:
        if not is_allowed(value):
            given = ", ".join(map(str, value)) if isinstance(value, frozenset) else repr(value)
            raise ValueError(f"{attribute.name}: {allowed}, got {given}")

    return check


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _are_limits(value: Any) -> bool:
    return all(name in ENDPOINTS and isinstance(limit, Limit) for name, limit in value.items())


def _faults(value: str | Iterable[str]) -> tuple[Fault, ...]:
    return tuple(map(parse_fault, [value] if isinstance(value, str) else value))


def _limits(value: Mapping[str, Limit] | None) -> dict[str, Limit]:
    return dict(value or {})


def _scopes(value: str | Iterable[str] | None) -> frozenset[str] | None:
    if isinstance(value, str):
        value = value.replace(",", " ").split()
    return None if value is None else frozenset(value)


def _are_scopes(value: frozenset[Any] | None) -> bool:
    return value is None or (
        len(value) > 0 and all(isinstance(each, str) and _SCOPE.fullmatch(each) for each in value)
    )


def _hosts(value: str | Iterable[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _are_hosts(value: tuple[Any, ...]) -> bool:
    return all(isinstance(each, str) and is_host(each) for each in value)


def _path(value: str | Path | None) -> Any:
    # Path("") would be the current directory.
    return Path(value) if isinstance(value, str) and value else value


_BOOL: Final = _validator("True or False", lambda value: isinstance(value, bool))
_SECONDS: Final = _validator("seconds, 0 or more", lambda value: _is_number(value) and value >= 0)


@attrs.frozen(kw_only=True)
class Settings:
    """The options of `Sandbox`, which documents them.

    Raises:
        ValueError: An option is out of range; the message names the option and its range.
    """

    algorithm: str = attrs.field(
        validator=_validator(f"one of {', '.join(ALGORITHMS)}", lambda value: value in ALGORITHMS)
    )
    time_scale: float = attrs.field(
        validator=_validator("a number above 0", lambda value: _is_number(value) and value > 0)
    )
    bots: int = attrs.field(
        validator=_validator("a whole number from 1", lambda value: _is_int(value) and value >= 1)
    )
    subscribers: int = attrs.field(
        validator=_validator("a whole number from 0", lambda value: _is_int(value) and value >= 0)
    )
    latency_s: float = attrs.field(validator=_SECONDS)
    jitter_s: float = attrs.field(validator=_SECONDS)
    faults: tuple[Fault, ...] = attrs.field(converter=_faults)
    seed: int = attrs.field(validator=_validator("a whole number", _is_int))
    dialect: str = attrs.field(
        validator=_validator(f"one of {', '.join(DIALECTS)}", lambda value: value in DIALECTS)
    )
    penalize: bool = attrs.field(validator=_BOOL)
    allow_unknown: bool = attrs.field(validator=_BOOL)
    token_life_s: float = attrs.field(
        validator=_validator("a number above 0", lambda value: _is_number(value) and value > 0)
    )
    scopes: frozenset[str] | None = attrs.field(
        converter=_scopes, validator=_validator("names of OAuth scopes", _are_scopes)
    )
    state: Path | None = attrs.field(
        converter=_path,
        validator=_validator("a path", lambda value: value is None or isinstance(value, Path)),
    )
    host: str = attrs.field(
        validator=_validator(
            "a host's name or address", lambda value: isinstance(value, str) and value != ""
        )
    )
    hosts: tuple[str, ...] = attrs.field(
        converter=_hosts,
        validator=_validator("names or addresses of hosts, without a port", _are_hosts),
    )
    port: int = attrs.field(
        validator=_validator(
            f"a whole number from 0 (any free one) to {_MAX_PORT}",
            lambda value: _is_int(value) and 0 <= value <= _MAX_PORT,
        )
    )
    event_wait_s: float = attrs.field(
        default=15.0,
        validator=_validator("a number above 0", lambda value: _is_number(value) and value > 0),
    )
    allow_remote: bool = attrs.field(default=False, validator=_BOOL)
    limits: Mapping[str, Limit] = attrs.field(
        converter=_limits,
        validator=_validator(f"a Limit for each of {', '.join(ENDPOINTS)}", _are_limits),
    )
