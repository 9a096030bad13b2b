"""Extra fields: JSON that the models do not know, sent and kept as it is."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from cliq_async.errors import ValidationError
from cliq_async.models.validators import field_name

__all__ = [
    "NO_EXTRA",
    "RECIPIENT_KEYS",
    "Unknown",
    "as_json_object",
    "check_extra",
    "check_json_object",
]

if TYPE_CHECKING:
    Unknown = dict[str, Any]
    """The fields of a response that the models do not know, as they came."""
else:
    Unknown = Any  # so that no response fails for a field that happens to be called `extra`

RECIPIENT_KEYS: Final = frozenset({"user_ids", "userids", "broadcast", "channel_unique_name"})
"""The keys in lower case that choose recipients, which are arguments of a method instead."""

_MAX_BYTES: Final = 256_000
"""As many as the API documents for the largest field that it has, a script."""
_WORDS: Final = f"a mapping from str to JSON values, at most {_MAX_BYTES} bytes of JSON"
_RECIPIENTS: Final = "no recipients, which are given separately"


class _NoExtra(dict[str, Any]):
    """An empty dict that responses share, since making one for each takes long."""

    __slots__ = ()

    def _refuse(self, *_arguments: object, **_options: object) -> Any:
        raise TypeError("the extra fields of a response cannot be changed")

    __setitem__ = __ior__ = _refuse
    update: Any = _refuse
    setdefault: Any = _refuse

    def __reduce__(self) -> str:
        return "NO_EXTRA"  # a copy is the same object


NO_EXTRA: Final = _NoExtra()
"""The extra fields of a response that has none."""


def as_json_object(value: Mapping[str, Any] | None) -> dict[str, Any]:
    """Convert a mapping to a copy in plain JSON; return any other value as it is."""
    if value is None or value == {}:
        return {}
    try:
        return _plain(value)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return value  # type: ignore[return-value]  # the validator refuses it


def check_json_object(model: object, attribute: Any, value: object) -> None:
    """Validate a mapping that can be sent as JSON and is not too large."""
    if value == {}:
        return
    try:
        if isinstance(value, dict) and len(msgspec.json.encode(_plain(value))) <= _MAX_BYTES:
            return
    except (TypeError, ValueError, OverflowError, RecursionError):
        pass
    raise ValidationError(field_name(model, attribute), _WORDS, value)


def check_extra(model: object, attribute: Any, value: dict[str, Any]) -> None:
    """Validate extra fields of a whole request, in which nothing may choose recipients."""
    check_json_object(model, attribute, value)
    for key in value:
        if key.lower() in RECIPIENT_KEYS:
            raise ValidationError(field_name(model, attribute), _RECIPIENTS, key)


def _plain(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy that shares nothing with the value and that can be sent."""
    if not isinstance(value, Mapping):
        raise TypeError("not a mapping")
    text = json.dumps(dict(value), allow_nan=False, ensure_ascii=False)
    plain: dict[str, Any] = json.loads(text)  # which keeps large ints, unlike msgspec's
    msgspec.json.encode(plain)  # raises for what cannot be sent
    return plain
