"""Parameters of a bot's incoming webhook handler, and the receipt for them."""

from collections.abc import Mapping
from typing import Final

import attrs

from cliq_async.errors import ValidationError, abbreviate
from cliq_async.models import validators
from cliq_async.models.base import Model
from cliq_async.models.extra import NO_EXTRA, Unknown

__all__ = ["IncomingReceipt", "check_parameters"]

_MAX_PARAMETERS: Final = 50
_VALUE_CHARS: Final = 10_000


def check_parameters(parameters: Mapping[str, str]) -> dict[str, str]:
    """Check custom parameters and return them as the body of a request.

    Args:
        parameters: At most 50; each value a str of at most 10,000 characters.

    Raises:
        ValidationError: A limit is broken; the error names the parameter.
    """
    if not isinstance(parameters, Mapping):
        raise ValidationError("parameters", "a mapping of str to str", parameters)
    if len(parameters) > _MAX_PARAMETERS:
        raise ValidationError("parameters", f"at most {_MAX_PARAMETERS}", len(parameters))
    for name, value in parameters.items():
        validators.check_text("parameters", name, 1)
        validators.check_text(f"parameters[{abbreviate(name)!r}]", value, 0, _VALUE_CHARS)
    return dict(parameters)


@attrs.frozen(kw_only=True)
class IncomingReceipt(Model):
    """The recipients of an incoming webhook message.

    Attributes:
        user_ids: Their ZUIDs; empty if the response could not be read.
        extra: All other fields of the response, unchanged.
    """

    user_ids: tuple[str, ...] = ()
    extra: Unknown = attrs.field(default=NO_EXTRA, hash=False)
