"""The dialects of the sandbox: the documented API, and the live service's observed quirks."""

from collections.abc import Callable, Mapping
from typing import Final

import attrs

from cliq_async.sandbox.endpoints import ENDPOINT_HANDLERS, EndpointHandler
from cliq_async.sandbox.errors import ApiFault
from cliq_async.sandbox.live import LIVE_HANDLERS, LIVE_PATHS

__all__ = ["DIALECTS", "Dialect"]


@attrs.frozen
class Dialect:
    """A variant of the API.

    Attributes:
        paths: The paths that differ from the documented ones, by endpoint name.
        handlers: The endpoint handlers, by endpoint name.
        translate: Returns an error as this variant sends it.
    """

    paths: Mapping[str, str]
    handlers: Mapping[str, EndpointHandler]
    translate: Callable[[ApiFault], ApiFault]


DIALECTS: Final[Mapping[str, Dialect]] = {
    "seed": Dialect({}, ENDPOINT_HANDLERS, lambda fault: fault),
    "live": Dialect(LIVE_PATHS, LIVE_HANDLERS, ApiFault.as_live),
}
"""The dialects by name: `seed` as documented, `live` as observed."""
