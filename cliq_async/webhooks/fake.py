"""A fake Cliq that makes signed events, to test handlers without a server."""

import base64
import itertools
import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cache
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cliq_async.errors import ValidationError
from cliq_async.models.function import FUNCTION_PERMISSIONS
from cliq_async.models.handler import PERMISSIONS, Permission
from cliq_async.transport.base import NoAnswerError, Request, Response, SendPermit
from cliq_async.webhooks.bot import WebhookBot
from cliq_async.webhooks.decoding import API_NAMES
from cliq_async.webhooks.fake_params import event_params, merge_user
from cliq_async.webhooks.late import LateAnswers
from cliq_async.webhooks.signature import Verifier

__all__ = ["FakeCliq", "FakeEvent"]

_BITS: Final = 2048
_URL: Final = "https://cliq.zoho.com/v2/extensions/2980/responses/17202823900615741410"
_WIRE_NAMES: Final = {api: wire for wire, api in API_NAMES.items()}
_WITHOUT_URL: Final = {
    "call_handler",
    "form_change_handler",
    "form_dynamic_select_handler",
    "form_view_handler",
    "widget_button_handler",
}
_BROUGHT_BY: Final = {
    "attachments": "attachments",
    "chat": "chat",
    "links": "message",
    "location": "location",
    "mentions": "message",
    "message": "message",
    "message_details": "message",
    "raw_message": "message",
    "user": "user",
}
"""The permission that brings a parameter. Others come always."""


@cache
def _private_key() -> RSAPrivateKey:
    # One for the process, as making one takes a tenth of a second; never one that others know.
    return generate_private_key(public_exponent=65_537, key_size=_BITS)


class FakeEvent(tuple[bytes, str]):  # noqa: SLOT001 - it knows who made it
    """A signed event: the body of a request, and its signature.

    Example:
        ```python
        body, signature = FakeCliq().say("hi")
        ```
    """

    _cliq: "FakeCliq"

    @property
    def body(self) -> bytes:
        """The body."""
        return self[0]

    @property
    def signature(self) -> str:
        """The header `X-Cliq-Signature`."""
        return self[1]

    @property
    def payload(self) -> Any:
        """The body as plain data."""
        return msgspec.json.decode(self.body)

    async def to(self, bot: WebhookBot) -> dict[str, Any]:
        """Send the event to a bot and return its answer, such as `{"output": {"text": "Hi"}}`.

        See `FakeCliq.send`.
        """
        return await self._cliq.send(self, bot)


class FakeCliq:
    """Makes signed events, as Cliq sends them, and takes the answers.

    Example:
        ```python
        async def test_bot_greets():
            answer = await FakeCliq().say("hi").to(bot)
            assert answer == {"output": {"text": "Hi Ann"}}
        ```

    Args:
        bot: The bot's unique name.
        user: Fields of the user that replace those of the usual one, or just an id.
        permissions: The permissions of the bot's handlers; None for all that a type allows.

    Attributes:
        late_answers: The answers that came by `response_url`, from events given to `send`.
    """

    def __init__(
        self,
        *,
        bot: str = "supportbot",
        user: Mapping[str, Any] | str | None = None,
        permissions: Iterable[Permission] | None = None,
    ) -> None:
        self._bot = bot
        self._user = merge_user(user)
        self._permissions = None if permissions is None else frozenset(permissions)
        self._last_ms = 0
        self._numbers = itertools.count(1)
        self.late_answers: list[Any] = []

    @property
    def public_key(self) -> str:
        """The public key of the signatures, as Cliq shows one. Each process has another."""
        key = _private_key().public_key()
        der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(der).decode()

    def sign(self, payload: Mapping[str, Any] | bytes) -> FakeEvent:
        """Sign a body, or plain data, which becomes JSON."""
        body = payload if isinstance(payload, bytes) else msgspec.json.encode(payload)
        signature = _private_key().sign(body, PKCS1v15(), SHA256())
        event = FakeEvent((body, base64.b64encode(signature).decode()))
        event._cliq = self
        return event

    async def send(self, event: FakeEvent, bot: WebhookBot) -> dict[str, Any]:
        """Send an event to a bot and return its answer on the connection.

        The bot takes the signature of this object, whatever its own key is. An answer that comes
        later is added to `late_answers` and sent nowhere; `async with bot` waits for it at its end.

        Raises:
            Exception: The handler raised it.
        """
        late = LateAnswers(transport=_Recorder(self.late_answers))
        other = bot._with(Verifier(self.public_key), late)
        answer = await other.receive(*event)
        for failure in other._failures or ():
            raise failure
        return msgspec.json.decode(answer.body, type=dict[str, Any])

    def event(
        self,
        handler: str,
        *,
        name: str = "",
        user: Mapping[str, Any] | str | None = None,
        permissions: Iterable[Permission] | None = None,
        at: datetime | None = None,
        **params: Any,
    ) -> FakeEvent:
        """Make an event of any type, with all that Cliq sends.

        Args:
            handler: The handler's type, such as `message_handler` or `menu_handler`.
            name: The menu action, or the function.
            user: Fields of the user that replace those of the usual one, or just an id.
            permissions: Those of the handler; None for those of this object.
            at: The timestamp; now by default.
            **params: Parameters that replace the usual ones; None leaves one out.

        Raises:
            ValidationError: There is no such handler.
        """
        handler = API_NAMES.get(handler, handler)
        allowed = (PERMISSIONS | FUNCTION_PERMISSIONS).get(handler)
        if allowed is None:
            raise ValidationError("handler", "a handler's type", handler)
        if permissions is None:
            permissions = self._permissions
        granted = set(allowed if permissions is None else permissions)
        ms = int((time.time() if at is None else at.timestamp()) * 1000)
        if at is None:  # no two events are alike
            self._last_ms = ms = max(self._last_ms + 1, ms)
        person = self._user if user is None else self._user | merge_user(user, {})
        every = event_params(handler, person, ms) | params
        payload = self._envelope(handler, name) | {"timestamp": ms}
        if handler == "menu_handler":
            payload["sub_action"] = every["sub_action"]
        payload["params"] = {
            key: value
            for key, value in every.items()
            if value is not None and (key not in _BROUGHT_BY or _BROUGHT_BY[key] in granted)
        }
        return self.sign(payload)

    def _envelope(self, handler: str, name: str) -> dict[str, Any]:
        wire: dict[str, Any] = {"type": _WIRE_NAMES.get(handler, handler)}
        envelope: dict[str, Any]
        if handler in FUNCTION_PERMISSIONS:
            envelope = {"name": name, "handler": wire, "type": "function"}
        else:
            menu = {"name": name} if handler == "menu_handler" else {}
            envelope = {
                "name": self._bot,
                "unique_name": self._bot,
                "handler": wire | menu,
                "type": "bot",
            }
        number = next(self._numbers)
        url = {} if handler in _WITHOUT_URL else {"response_url": f"{_URL}{number:06}"}
        return envelope | url

    # --- what people do ---------------------------------------------------------------------

    def say(self, text: str, **options: Any) -> FakeEvent:
        """Send the bot a message. Options: those of `event`."""
        said: dict[str, Any] = {"message": text, "raw_message": text}
        return self.event("message_handler", **said | options)

    def mention(self, text: str, **options: Any) -> FakeEvent:
        """Mention the bot in a channel."""
        said: dict[str, Any] = {"message": text, "raw_message": text}
        return self.event("mention_handler", **said | options)

    def subscribe(self, *, new_user: bool = True, **options: Any) -> FakeEvent:
        """Subscribe to the bot, for the first time or again."""
        return self.event("welcome_handler", newuser=new_user, **options)

    def choose(self, action: str, sub_action: str = "", **options: Any) -> FakeEvent:
        """Choose a menu action, or an entry below it."""
        return self.event("menu_handler", name=action, sub_action=sub_action, **options)

    def answer(self, context: str, answers: Mapping[str, str], **options: Any) -> FakeEvent:
        """Answer all questions of a context."""
        texts = {name: {"text": text} for name, text in answers.items()}
        return self.event("context_handler", context_id=context, answers=texts, **options)

    def participate(self, operation: str, text: str = "", **options: Any) -> FakeEvent:
        """Do something in a channel of the bot, such as `added` or `message_sent`."""
        event: dict[str, Any] = {"operation": operation}
        if text:
            message = {"mentions": [], "type": "text", "text": text}
            event["data"] = {"message": message, "time": int(time.time() * 1000)}
        return self.event("participation_handler", **event | options)

    def incoming(self, body: str | Mapping[str, Any] = "", **options: Any) -> FakeEvent:
        """Call the bot's incoming webhook, with a text or with JSON."""
        text = body if isinstance(body, str) else msgspec.json.encode(body).decode()
        return self.event("incoming_webhook_handler", body=text, **options)

    def call(self, operation: str, call_id: str = "", **options: Any) -> FakeEvent:
        """Change the state of a call, such as `ringing` or `missed`."""
        event: dict[str, Any] = {"operation": operation}
        if call_id:
            event["data"] = {"call_id": call_id, "time": int(time.time() * 1000)}
        return self.event("call_handler", **event | options)

    def press(
        self, function: str, *, key: str = "", label: str = "Button", **options: Any
    ) -> FakeEvent:
        """Press a button that invokes a function."""
        target = {"name": label, "hint": ""}
        event: dict[str, Any] = {"target": target, "arguments": {"key": key} if key else {}}
        return self.event("button_handler", name=function, **event | options)

    def submit(
        self, function: str, values: Mapping[str, Any], *, form: str = "form", **options: Any
    ) -> FakeEvent:
        """Submit a form."""
        filled = {"name": form, "action": "submit", "values": dict(values)}
        return self.event("form_submit_handler", name=function, form=filled, **options)


class _Recorder:
    """A transport that keeps what is sent by it."""

    def __init__(self, answers: list[Any]) -> None:
        self._answers = answers

    async def send(self, request: Request, permit: SendPermit) -> Response:
        """Keep an answer; see `Transport.send`."""
        if not permit.claim():
            raise NoAnswerError("sent already")
        self._answers.append(msgspec.json.decode(request.body))
        return Response(200, {}, b"")

    async def close(self) -> None:
        """Do nothing; see `Transport.close`."""
