"""Functions: each user's records, and their handlers."""

from collections.abc import Iterable
from typing import Any, Final, Literal, NotRequired, TypedDict, cast

import attrs

from cliq_async.sandbox.errors import ApiFault, bad_request
from cliq_async.sandbox.state.pagination import PaginatedCollection, Revisions
from cliq_async.sandbox.state.people import JAMES

__all__ = ["Function", "FunctionHandler", "FunctionRecord", "Functions", "OwnedFunctions"]

FunctionType = Literal["button", "form", "widget_button"]
FunctionHandlerType = Literal[
    "button_handler",
    "form_submit_handler",
    "form_change_handler",
    "form_dynamic_select_handler",
    "form_view_handler",
    "widget_button_handler",
]

_CREATOR: Final = {"name": JAMES["name"], "id": JAMES["user_id"]}

_HANDLERS: Final[dict[str, tuple[FunctionHandlerType, ...]]] = {
    "button": ("button_handler",),
    "form": (
        "form_submit_handler",
        "form_change_handler",
        "form_dynamic_select_handler",
        "form_view_handler",
    ),
    "widget_button": ("widget_button_handler",),
}
"""The handlers that each type of function may have; a new function has the first one."""

# The parameters of each type's handlers, besides access and environment.
_BUTTON: Final = ("chat", "user", "message", "target", "arguments", "event", "location")
_FORM: Final = ("chat", "user", "form", "target")
_PARAMS: Final[dict[str, tuple[str, ...]]] = {
    "button_handler": _BUTTON,
    "form_submit_handler": (*_FORM, "message"),
    "form_change_handler": _FORM,
    "form_dynamic_select_handler": _FORM,
    "form_view_handler": ("user",),
    "widget_button_handler": ("user", "target", "event"),
}


class FunctionRecord(TypedDict):
    """A function, as the API returns it."""

    name: str
    id: str
    function_type: FunctionType
    handlers: list[dict[str, str]]
    creator: dict[str, str]
    execution_type: Literal["deluge", "webhook"]
    execution_url: NotRequired[str]
    status: str
    type: str
    description: str
    scope: str


@attrs.define(kw_only=True, eq=False)
class FunctionHandler:
    """A handler of a function.

    Attributes:
        type: One of the six handler types.
        default: True if it came with its function and is still empty.
        script: The script of a Deluge function's handler.
        permissions: The data that a webhook function's handler receives.
    """

    type: FunctionHandlerType
    default: bool = False
    script: str | None = None
    permissions: list[str] | None = None

    def logic(self) -> dict[str, Any]:
        """Return the script or the permissions, whichever is set."""
        logic = {"script": self.script, "permissions": self.permissions}
        return {name: value for name, value in logic.items() if value is not None}

    def describe(self) -> dict[str, Any]:
        """Return the handler with its return type and parameters."""
        params = [
            {"param_name": name, "param_type": "STRING" if name == "event" else "MAP"}
            for name in ("access", "environment", *_PARAMS[self.type])
        ]
        return self.logic() | {"return_type": "MAP", "params": params}


@attrs.define(eq=False)
class Function:
    """A function.

    Attributes:
        record: The function as the API returns it.
        handlers: Its handlers, in order of creation.
    """

    record: FunctionRecord
    handlers: list[FunctionHandler]

    @classmethod
    def create(cls, function_id: str, form: dict[str, Any]) -> "Function":
        """Create a function from a valid form, with the empty handler of its type."""
        record = {
            "name": form["name"],
            "id": function_id,
            "function_type": form["function_type"],
            "handlers": [],
            "creator": _CREATOR,
            "execution_type": form.get("execution_type", "deluge"),
            "status": "enabled",
            "type": "custom",
            "description": form["description"],
            "scope": "personal",
        }
        if "execution_url" in form:
            record["execution_url"] = form["execution_url"]
        handler = FunctionHandler(type=_HANDLERS[form["function_type"]][0], default=True)
        return cls(cast("FunctionRecord", record), [handler])

    def find(self, handler_type: str) -> FunctionHandler:
        """Return the handler of a type.

        Raises:
            ApiFault: The function does not have such a handler.
        """
        for handler in self.handlers:
            if handler.type == handler_type:
                return handler
        code = "execution_handler_not_found"
        raise ApiFault(404, "The function has no such handler.", code, live=(400, code))

    def add_handler(self, form: dict[str, Any]) -> None:
        """Add a handler from a valid form; it replaces the empty one of its type.

        Raises:
            ApiFault: The type of the function does not allow the handler, or it has one.
        """
        kind, handler_type = self.record["function_type"], form["type"]
        if handler_type not in _HANDLERS[kind]:
            raise bad_request(f"A {kind} function cannot have a {handler_type}.")
        others = [each for each in self.handlers if each.type != handler_type or not each.default]
        if any(each.type == handler_type for each in others):
            text = f"The function has a {handler_type}."
            live = "execution_handler_already_exists"
            raise bad_request(text, "execution_handler_create_failed", live=live)
        self.handlers = [*others, FunctionHandler(**form)]

    def change_handler(self, handler: FunctionHandler, fields: dict[str, Any]) -> None:
        """Set valid fields of a handler."""
        handler.default = False
        for name, value in fields.items():
            setattr(handler, name, value)

    def remove_handler(self, handler: FunctionHandler) -> None:
        """Remove a handler.

        Raises:
            ApiFault: It is the empty one that came with the function.
        """
        if handler.default:
            text = f"The {handler.type} came with the function and cannot be deleted."
            raise bad_request(text, "default_handler_delete_not_allowed")
        self.handlers.remove(handler)


class OwnedFunctions:
    """The functions of one user, by id.

    Args:
        user: The user's label.
        functions: The initial functions.
    """

    def __init__(self, user: str, functions: Iterable[Function] = ()) -> None:
        self._by_id = {each.record["id"]: each for each in functions}
        self.records = PaginatedCollection(
            f"functions of {user}", ((key, each.record) for key, each in self._by_id.items())
        )

    def __len__(self) -> int:
        return len(self._by_id)

    def by_id(self, function_id: str) -> Function:
        """Return the function with this id.

        Raises:
            ApiFault: The user has no such function.
        """
        function = self._by_id.get(function_id)
        if function is None:
            raise ApiFault(404, "No function has this id.", "function_not_found")
        return function

    def all(self) -> list[Function]:
        """Return all functions."""
        return list(self._by_id.values())

    def check_name(self, name: str, *, except_function: Function | None = None) -> None:
        """Check that the user has no other function of a name.

        Raises:
            ApiFault: The name is taken.
        """
        folded = name.casefold()
        for function in self._by_id.values():
            if function is not except_function and function.record["name"].casefold() == folded:
                raise bad_request("Another function has this name.", "function_name_already_exists")

    def put(self, function: Function) -> None:
        """Add a function, or record a change of it or its handlers."""
        record = function.record
        record["handlers"] = [{"type": handler.type} for handler in function.handlers]
        self._by_id[record["id"]] = function
        self.records.put(record["id"], record)

    def change(self, function: Function, fields: dict[str, Any]) -> None:
        """Set valid fields of a function.

        Raises:
            ApiFault: The name is taken.
        """
        if "name" in fields:
            self.check_name(fields["name"], except_function=function)
        function.record = cast("FunctionRecord", {**function.record, **fields})
        self.put(function)

    def remove(self, function: Function) -> None:
        """Remove a function."""
        function_id = function.record["id"]
        del self._by_id[function_id]
        self.records.remove(function_id)


class Functions:
    """All functions, by user.

    Args:
        limit: The number of functions from which no more can be created.
    """

    def __init__(self, *, limit: int = 1000) -> None:
        self._by_user: dict[str, OwnedFunctions] = {}
        self._limit = limit

    def of(self, user: str) -> OwnedFunctions:
        """Return the functions of a user."""
        return self._by_user.setdefault(user, OwnedFunctions(user))

    def all(self) -> dict[str, OwnedFunctions]:
        """Return the functions of all users, by user."""
        return dict(self._by_user)

    def restore(self, user: str, functions: Iterable[Function], revisions: Revisions) -> None:
        """Restore the functions of a user.

        Raises:
            ValueError: The revisions refer to functions that do not exist.
        """
        owned = self._by_user[user] = OwnedFunctions(user, functions)
        owned.records.restore(revisions)

    def check_can_add(self, user: str, name: str) -> None:
        """Check that a user can create a function with this name.

        Raises:
            ApiFault: The name is taken, or the limit is reached.
        """
        self.of(user).check_name(name)
        count = sum(map(len, self._by_user.values()))
        if count >= self._limit:
            text = f"There are {count} functions; the limit is {self._limit}."
            raise bad_request(text, "function_creation_limit_exceeded")
