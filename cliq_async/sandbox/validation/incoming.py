"""The checks of the incoming webhook's custom parameters."""

from typing import Final

from cliq_async.sandbox.errors import bad_request
from cliq_async.sandbox.validation.checks import json_object, map_of, string

__all__ = ["read_parameters"]

_MAX_PARAMETERS: Final = 50
_PARAMETERS: Final = map_of(string(10_000))


def read_parameters(body: bytes) -> dict[str, str]:
    """Check the custom parameters.

    Raises:
        ApiFault: The parameters are not valid.
    """
    parameters = json_object(body)
    if len(parameters) > _MAX_PARAMETERS:
        raise bad_request(
            f"The body has {len(parameters)} parameters; the limit is {_MAX_PARAMETERS}."
        )
    if "" in parameters:
        raise bad_request("A parameter has no name.")
    _PARAMETERS(parameters, "")
    return parameters
