"""Voice calls that a bot makes, and the buttons shown under them."""

from collections.abc import Iterable
from typing import Any, Final

import attrs

from cliq_async.errors import Unquoted, ValidationError
from cliq_async.models import converters, validators
from cliq_async.models.base import Model
from cliq_async.models.button import Action
from cliq_async.models.extra import (
    NO_EXTRA,
    Unknown,
    as_json_object,
    check_extra,
    check_json_object,
)
from cliq_async.models.identifiers import check_not_a_table, recipient_ids

__all__ = ["MAX_CALLED", "Call", "CallAction", "CallReceipt"]

MAX_CALLED: Final = 10


def _user_ids(value: str | int | Iterable[str | int] | None) -> tuple[str, ...] | None:
    check_not_a_table("Call.user_ids", value)
    ids = converters.as_optional_tuple(value)
    return None if ids is None else tuple(converters.as_id(item) for item in ids)


def _actions(value: "CallAction | Iterable[CallAction] | None") -> "tuple[CallAction, ...]":
    return converters.as_tuple(value)


def _check_user_ids(_call: "Call", _attribute: object, value: tuple[str, ...] | None) -> None:
    if value is not None:
        recipient_ids("Call.user_ids", value, MAX_CALLED)


def _check_action(model: "CallAction", attribute: Any, value: Any) -> None:
    validators.instance(Action, "an Action")(model, attribute, value)
    if value.confirm is not None:
        raise ValidationError(
            "CallAction.action.confirm",
            "None: the buttons of a call cannot ask for confirmation",
            Unquoted("a Confirm"),
        )


@attrs.frozen
class CallAction(Model):
    """A button under a call.

    Example:
        >>> from cliq_async import InvokeFunction
        >>> action = CallAction("Acknowledge", action=InvokeFunction("acknowledge"), icon="tick")

    Attributes:
        label: 1 to 20 characters.
        action: The action that it runs, without a confirmation.
        icon: A URL, or one of Cliq's icons, such as `tick`, `preview` or `url`.
        hint: Shown on hovering, at most 100 characters; may be empty.
        key: Identifies the button to the invoked function, at most 100 characters; may be empty.
        extra: Further fields of the button in the API's form, sent as they are and at your own
            risk. They replace fields of the same name.

    Raises:
        ValidationError: A field breaks its limit.
    """

    label: str = attrs.field(validator=validators.str_length(1, 20))
    action: Action = attrs.field(kw_only=True, validator=_check_action)
    icon: str | None = attrs.field(
        default=None, kw_only=True, validator=validators.str_length(1, optional=True)
    )
    hint: str | None = attrs.field(
        default=None, kw_only=True, validator=validators.str_length(0, 100, optional=True)
    )
    key: str | None = attrs.field(
        default=None, kw_only=True, validator=validators.str_length(0, 100, optional=True)
    )
    extra: dict[str, Any] = attrs.field(
        factory=dict,
        kw_only=True,
        converter=as_json_object,
        validator=check_json_object,
        hash=False,  # a dict is not hashable
    )


@attrs.frozen
class Call(Model):
    """A voice call: Cliq reads the text to each recipient.

    Example:
        >>> call = Call("The payment service is down.", user_ids=["55743327"], retry=2)

    Attributes:
        text: 1 to 500 characters.
        user_ids: The recipients: 1 to 10 ZUIDs or email addresses. If None, Cliq chooses them; the
            API documentation does not say how.
        retry: Number of retries if the call is missed, 0 to 3; 2 minutes apart.
        loop: Number of times the text is read, at most 3.
        actions: The buttons, at most 5.
        extra: Further fields of the call in the API's form, sent as they are and at your own risk.
            They replace fields of the same name, and must not choose recipients.

    Raises:
        ValidationError: A field breaks its limit.
    """

    text: str = attrs.field(validator=validators.str_length(1, 500))
    user_ids: tuple[str, ...] | None = attrs.field(
        default=None, kw_only=True, converter=_user_ids, validator=_check_user_ids
    )
    retry: int | None = attrs.field(
        default=None, kw_only=True, validator=validators.int_range(0, 3)
    )
    loop: int | None = attrs.field(default=None, kw_only=True, validator=validators.int_range(0, 3))
    actions: tuple[CallAction, ...] = attrs.field(
        default=(),
        kw_only=True,
        converter=_actions,
        validator=validators.instances(CallAction, 0, 5, "actions"),
    )
    extra: dict[str, Any] = attrs.field(
        factory=dict,
        kw_only=True,
        converter=as_json_object,
        validator=check_extra,
        hash=False,  # a dict is not hashable
    )


@attrs.frozen(kw_only=True)
class CallReceipt(Model):
    """Cliq's response to a call that it accepted.

    Attributes:
        id: The call's UUID; empty if the response could not be read.
        user_ids: The recipients.
        extra: All other fields of the response, unchanged.
    """

    id: str = ""
    user_ids: tuple[str, ...] = ()
    extra: Unknown = attrs.field(default=NO_EXTRA, hash=False)
