"""The handlers of a bot, and the decorators that register them."""

from collections.abc import Callable, Coroutine, Iterable
from inspect import iscoroutinefunction
from typing import Any, Final, TypeVar, cast, get_args, overload

import attrs

from cliq_async.errors import ValidationError
from cliq_async.models.handler import (
    PERMISSIONS,
    HandlerType,
    NewHandler,
    Permission,
    SubAction,
)
from cliq_async.models.validators import check_text
from cliq_async.webhooks.answers import Answer, encode_answer, encode_nothing
from cliq_async.webhooks.events import (
    ButtonEvent,
    CallEvent,
    ContextEvent,
    FormAction,
    FormEvent,
    IncomingEvent,
    MentionEvent,
    MenuEvent,
    MessageEvent,
    ParticipationEvent,
    WelcomeEvent,
)

__all__ = ["Registration", "Registry"]

T = TypeVar("T")
Permissions = Iterable[Permission] | None

ButtonT = TypeVar("ButtonT", bound=Callable[[ButtonEvent], Coroutine[Any, Any, Answer]])
CallT = TypeVar("CallT", bound=Callable[[CallEvent], Coroutine[Any, Any, None]])
ContextT = TypeVar("ContextT", bound=Callable[[ContextEvent], Coroutine[Any, Any, Answer]])
FormT = TypeVar("FormT", bound=Callable[[FormEvent], Coroutine[Any, Any, Answer]])
IncomingT = TypeVar("IncomingT", bound=Callable[[IncomingEvent], Coroutine[Any, Any, Answer]])
MentionT = TypeVar("MentionT", bound=Callable[[MentionEvent], Coroutine[Any, Any, Answer]])
MenuT = TypeVar("MenuT", bound=Callable[[MenuEvent], Coroutine[Any, Any, Answer]])
MessageT = TypeVar("MessageT", bound=Callable[[MessageEvent], Coroutine[Any, Any, Answer]])
ParticipationT = TypeVar(
    "ParticipationT", bound=Callable[[ParticipationEvent], Coroutine[Any, Any, Answer]]
)
WelcomeT = TypeVar("WelcomeT", bound=Callable[[WelcomeEvent], Coroutine[Any, Any, Answer]])

_MAX_MENUS: Final = 5
_FORM_HANDLERS: Final[dict[str, str]] = {
    "submit": "form_submit_handler",
    "change": "form_change_handler",
    "select": "form_dynamic_select_handler",
    "view": "form_view_handler",
}
_ASKED_FOR: Final = "location"
"""The permission that a handler has only if its decorator says so: users are asked for it."""
_ALWAYS_SENT: Final = frozenset({"chat", "message", "user"})
"""Permissions whose parameter, of the same name, is in every event."""


@attrs.frozen
class Registration:
    """A registered handler.

    Attributes:
        function: The handler.
        encode: Encodes its answer.
        spec: What the API creates for it; None for a function of buttons or forms.
        expected: The parameters that its permissions should bring.
    """

    function: Callable[[Any], Coroutine[Any, Any, Any]]
    encode: Callable[[Any], bytes | None]
    spec: NewHandler | None = None
    expected: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """The handler's name, for messages."""
        return getattr(self.function, "__qualname__", type(self.function).__name__)


class Registry:
    """The handlers of one bot, by handler type and name. Its methods are decorators."""

    def __init__(self) -> None:
        self._registered: dict[tuple[str, str], Registration] = {}

    @overload
    def message(self, handler: MessageT, /) -> MessageT: ...
    @overload
    def message(self, *, permissions: Permissions = None) -> Callable[[MessageT], MessageT]: ...
    def message(self, handler: Any = None, *, permissions: Permissions = None) -> Any:
        """Register the handler of messages to the bot, with or without options.

        Args:
            handler: The async function.
            permissions: What the event holds, of `attachments`, `chat`, `location`, `message` and
                `user`; by default all but `location`.
        """
        return self._decorate(handler, "message_handler", permissions)

    @overload
    def mention(self, handler: MentionT, /) -> MentionT: ...
    @overload
    def mention(self, *, permissions: Permissions = None) -> Callable[[MentionT], MentionT]: ...
    def mention(self, handler: Any = None, *, permissions: Permissions = None) -> Any:
        """Register the handler of messages that mention the bot.

        Args:
            handler: The async function.
            permissions: Of `chat`, `location`, `message` and `user`; by default all but `location`.
        """
        return self._decorate(handler, "mention_handler", permissions)

    @overload
    def welcome(self, handler: WelcomeT, /) -> WelcomeT: ...
    @overload
    def welcome(self, *, permissions: Permissions = None) -> Callable[[WelcomeT], WelcomeT]: ...
    def welcome(self, handler: Any = None, *, permissions: Permissions = None) -> Any:
        """Register the handler of new subscribers.

        Args:
            handler: The async function.
            permissions: `user`, which is the default, or none.
        """
        return self._decorate(handler, "welcome_handler", permissions)

    @overload
    def participation(self, handler: ParticipationT, /) -> ParticipationT: ...
    @overload
    def participation(
        self, *, permissions: Permissions = None
    ) -> Callable[[ParticipationT], ParticipationT]: ...
    def participation(self, handler: Any = None, *, permissions: Permissions = None) -> Any:
        """Register the handler of what happens in the bot's channels.

        Args:
            handler: The async function.
            permissions: Of `chat` and `user`; by default both.
        """
        return self._decorate(handler, "participation_handler", permissions)

    @overload
    def incoming(self, handler: IncomingT, /) -> IncomingT: ...
    @overload
    def incoming(self, *, permissions: Permissions = None) -> Callable[[IncomingT], IncomingT]: ...
    def incoming(self, handler: Any = None, *, permissions: Permissions = None) -> Any:
        """Register the handler of requests to the bot's incoming webhook.

        Args:
            handler: The async function.
            permissions: `user`, which is the default, or none.
        """
        return self._decorate(handler, "incoming_webhook_handler", permissions)

    @overload
    def call(self, handler: CallT, /) -> CallT: ...
    @overload
    def call(self, *, permissions: Permissions = None) -> Callable[[CallT], CallT]: ...
    def call(self, handler: Any = None, *, permissions: Permissions = None) -> Any:
        """Register the handler of the states of the bot's calls. It returns None.

        Args:
            handler: The async function.
            permissions: `user`, which is the default, or none.
        """
        return self._decorate(handler, "call_handler", permissions)

    def menu(
        self,
        name: str,
        *,
        icon: str | None = None,
        sub_actions: Iterable[SubAction | str] = (),
        permissions: Permissions = None,
    ) -> Callable[[MenuT], MenuT]:
        """Register the handler of a menu action. A bot has at most 5.

        Args:
            name: The menu action's name, 1 to 15 characters.
            icon: Such as `wand/627282`.
            sub_actions: At most 5 entries below it, or their names.
            permissions: Of `chat`, `location` and `user`; by default all but `location`.
        """
        subs = [SubAction(each) if isinstance(each, str) else each for each in sub_actions]
        options = {"name": name, "icon": icon, "sub_actions": subs or None}

        def register(handler: MenuT) -> MenuT:
            return self._add(handler, "menu_handler", name, permissions, options)

        return register

    def context(
        self, context: str, *, permissions: Permissions = None
    ) -> Callable[[ContextT], ContextT]:
        """Register the handler of the answers to a context's questions.

        Args:
            context: The id given to `Reply(context=...)`.
            permissions: Of `attachments`, `chat` and `user`; by default all.
        """
        check_text("context", context, 1)

        def register(handler: ContextT) -> ContextT:
            return self._add(handler, "context_handler", context, permissions)

        return register

    def button(self, function: str) -> Callable[[ButtonT], ButtonT]:
        """Register the handler of buttons, also those of widgets, that invoke a function.

        Args:
            function: The function's name.
        """

        def register(handler: ButtonT) -> ButtonT:
            self._add_function(handler, "widget_button_handler", function)
            return self._add_function(handler, "button_handler", function)

        return register

    def form(self, function: str, *, action: FormAction = "submit") -> Callable[[FormT], FormT]:
        """Register the handler of forms whose values go to a function.

        Args:
            function: The function's name.
            action: `submit`; or, while a form is filled in, `change`, `select` or `view`.
        """
        if action not in get_args(FormAction):
            raise ValidationError("action", "one of " + ", ".join(get_args(FormAction)), action)

        def register(handler: FormT) -> FormT:
            return self._add_function(handler, _FORM_HANDLERS[action], function)

        return register

    def handlers(self) -> tuple[NewHandler, ...]:
        """Return what to create by `client.handlers.create` for the registered handlers.

        All contexts share one handler, which has the permissions of all of them. Functions of
        buttons and forms are not handlers of the bot.
        """
        found: dict[tuple[str, str | None], NewHandler] = {}
        for registration in self._registered.values():
            if (new := registration.spec) is None:
                continue
            known = found.get((new.type, new.name))
            if known is not None and new.permissions:
                both = (*(known.permissions or ()), *new.permissions)
                new = attrs.evolve(new, permissions=tuple(dict.fromkeys(both)))
            found[new.type, new.name] = new
        return tuple(found.values())

    def _decorate(self, handler: Any, handler_type: HandlerType, permissions: Permissions) -> Any:
        def register(handler: Any) -> Any:
            return self._add(handler, handler_type, "", permissions)

        return register if handler is None else register(handler)

    def _add(
        self,
        handler: T,
        handler_type: HandlerType,
        name: str,
        permissions: Permissions,
        options: dict[str, Any] | None = None,
    ) -> T:
        if permissions is None:
            allowed = cast("tuple[Permission, ...]", PERMISSIONS[handler_type])
            permissions = tuple(each for each in allowed if each != _ASKED_FOR)
        spec = NewHandler(handler_type, permissions=permissions, **(options or {}))
        if handler_type == "menu_handler":
            menus = sum(1 for registered, _ in self._registered if registered == handler_type)
            if (handler_type, name) not in self._registered and menus == _MAX_MENUS:
                raise ValidationError("menu", f"at most {_MAX_MENUS} menus", name)
        expected = _ALWAYS_SENT.intersection(spec.permissions or ())
        encode = encode_nothing if handler_type == "call_handler" else encode_answer
        new = Registration(cast("Any", handler), encode, spec, expected)
        self._register(handler_type, name, new)
        return handler

    def _add_function(self, handler: T, handler_type: str, function: str) -> T:
        check_text("function", function, 1)
        self._register(handler_type, function, Registration(cast("Any", handler), encode_answer))
        return handler

    def _register(self, handler_type: str, name: str, new: Registration) -> None:
        function, key = new.function, (handler_type, name)
        if not _is_async(function):
            raise ValidationError(handler_type, "an async function of one event", function)
        if key in self._registered:
            what = f"{handler_type} {name!r}" if name else handler_type
            raise ValidationError(
                what, f"one handler; {self._registered[key].name} is registered", function
            )
        self._registered[key] = new


def _is_async(function: object) -> bool:
    called = getattr(type(function), "__call__", None)  # noqa: B004 - of a callable object
    return iscoroutinefunction(function) or iscoroutinefunction(called)
