"""The functions that buttons and forms run, as receivers of events."""

from itertools import chain

import attrs

from cliq_async.sandbox.state.state import State

__all__ = ["FunctionHandler", "find_function"]


@attrs.frozen
class FunctionHandler:
    """A handler of a webhook function.

    Attributes:
        name: The function's name.
        url: The execution URL.
        type: The handler's type, as the API names it.
        permissions: The handler's permissions.
    """

    name: str
    url: str
    type: str
    permissions: frozenset[str]


def find_function(state: State, name: str, handler_type: str) -> FunctionHandler | None:
    """Return a handler of the webhook function of a name; None if it does not exist.

    Functions belong to users of the API, and people are not users: the first function counts.
    """
    owned = state.functions.all().values()
    for function in chain.from_iterable(each.all() for each in owned):
        record = function.record
        if record["name"] != name or "execution_url" not in record:
            continue
        for handler in function.handlers:
            if handler.type == handler_type:
                permissions = frozenset(handler.permissions or ())
                return FunctionHandler(name, record["execution_url"], handler_type, permissions)
    return None
