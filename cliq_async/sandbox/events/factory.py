"""The events that things people do, and calls of the API, cause."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs

from cliq_async.errors import suggest
from cliq_async.sandbox.events.chats import Chat, ChatLog, personal_chat_id
from cliq_async.sandbox.events.contexts import Context
from cliq_async.sandbox.events.event import Audience, Event, NoEventError
from cliq_async.sandbox.events.functions import FunctionHandler
from cliq_async.sandbox.events.payloads import (
    Receiver,
    Scene,
    chat_object,
    message_details,
    user_object,
)
from cliq_async.sandbox.state.bots import Bot
from cliq_async.sandbox.state.channels import Channel
from cliq_async.sandbox.state.people import JAMES, Person
from cliq_async.sandbox.state.state import State

__all__ = ["EventFactory"]

_LINK: Final = re.compile(r"https?://\S+")
_RECENT: Final = 10
_MEMBERS: Final = 20
_SCANNED: Final = 1000
_LOCATION: Final = {
    "latitude": 12.8304,
    "longitude": 80.05,
    "accuracy": 30.0,
    "altitude": 16.0,
    "status": "granted",
}


class EventFactory:
    """The maker of events. Its caller holds the lock of the state.

    Every method raises `NoEventError` if the bot has no handler for the event.

    Args:
        state: The data of the sandbox.
        chats: The chats.

    Attributes:
        base_url: The URL by which bots reach the sandbox.
    """

    def __init__(self, state: State, chats: ChatLog) -> None:
        self.base_url = ""
        self._state = state
        self._chats = chats

    def personal_chat(self, bot: Bot, person: Person) -> Chat:
        """Return a person's chat with a bot."""
        zuid = person["user_id"]
        chat_id = personal_chat_id(bot.record["id"], zuid)
        return Chat(chat_id, bot.name, person, subscribed=zuid in bot.subscribers)

    def receiver(self, bot: Bot, handler_type: str, *, action: str | None = None) -> Receiver:
        """Return a bot's handler as the receiver of an event.

        Args:
            bot: The bot.
            handler_type: The handler's type, as the API names it.
            action: The name of a menu action.
        """
        record = bot.record
        url = record.get("execution_url", "")
        if record["execution_type"] != "webhook" or not url:
            raise NoEventError(f"{bot.name} is not a webhook bot")
        for handler in bot.handlers.all():
            if handler.type == handler_type and action in {None, handler.name}:
                return Receiver(
                    kind="bot",
                    name=record["name"],
                    unique_name=bot.name,
                    url=url,
                    handler=handler_type,
                    permissions=frozenset(handler.permissions or ()),
                    action=action,
                )
        if action is None:
            raise NoEventError(f"{bot.name} has no {handler_type}")
        names = [each.name or "" for each in bot.handlers.all() if each.type == handler_type]
        hint = f"; {suggest(action, names)}" if names else ""
        raise NoEventError(f"{bot.name} has no {handler_type} {action!r}{hint}")

    def message(self, bot: Bot, person: Person, text: str, *, at: int, message_id: str) -> Event:
        """Make the event of a message to a bot."""
        chat = self.personal_chat(bot, person)
        params = {
            "message": text,
            "raw_message": text,
            "message_details": message_details(text, time_ms=at, mentions=[]),
            "mentions": [],
            "links": _LINK.findall(text),
            "attachments": [],
            "location": _LOCATION,
            "options": {},
            "selections": [],
            "arguments": "",
        }
        return self._event(bot, "message_handler", person, chat, params, message_id=message_id)

    def context(self, bot: Bot, audience: Audience, context: Context) -> Event:
        """Make the event of a context whose questions are all answered."""
        person = audience.person or JAMES
        chat = Chat(audience.chat_id or "", bot.name, person)
        params = {
            "context_id": context.id,
            "answers": context.answers,
            "attachments": [],
            "options": {},
            "selections": [],
            "arguments": "",
        }
        event = self._event(bot, "context_handler", person, chat, params, channel=audience.channel)
        return attrs.evolve(event, audience=audience)

    def menu(
        self, bot: Bot, person: Person, action: str, *, sub_action: str | None = None
    ) -> Event:
        """Make the event of a menu action that was chosen."""
        chat = self.personal_chat(bot, person)
        receiver = self.receiver(bot, "menu_handler", action=action)
        event = self._event(bot, receiver, person, chat, {"location": _LOCATION})
        return attrs.evolve(event, sub_action=sub_action)

    def welcome(self, bot: Bot, person: Person, *, is_new: bool) -> Event:
        """Make the event of a person who subscribes."""
        chat = self.personal_chat(bot, person)
        return self._event(bot, "welcome_handler", person, chat, {"newuser": is_new})

    def mention(
        self, bot: Bot, person: Person, channel: Channel, text: str, *, at: int, message_id: str
    ) -> Event:
        """Make the event of a mention in a channel."""
        sender = {"id": person["user_id"], "name": person["name"]}
        mentions = [
            {
                "id": f"b-{bot.record['id']}",
                "name": f"@{bot.record['name']}",
                "dname": bot.record["name"],
                "type": "bot",
            }
        ]
        message = {"sender": sender, "time": str(at), "text": text, "type": "text"}
        params = {
            "message": message,
            "raw_message": text,
            "message_details": message_details(text, time_ms=at, mentions=mentions),
            "mentions": mentions,
            "location": _LOCATION,
        }
        return self._event(
            bot,
            "mention_handler",
            person,
            Chat(channel.chat_id),
            params,
            channel=channel.name,
            message_id=message_id,
        )

    def participation(
        self, bot: Bot, person: Person, channel: Channel, operation: str, *, text: str, at: int
    ) -> Event:
        """Make the event of something that happens in a bot's channel."""
        if "listen_message" not in bot.record.get("channel_participation", ()):
            raise NoEventError(f"{bot.name} lacks the channel_participation 'listen_message'")
        message = {"type": "text", "text": text, "mentions": [], "comment": ""}
        params = {"operation": operation, "data": {"message": message, "time": at}}
        if operation in {"added", "removed"}:
            params["data"] = {"time": at}
        return self._event(
            bot,
            "participation_handler",
            person,
            Chat(channel.chat_id),
            params,
            channel=channel.name,
        )

    def incoming(
        self,
        bot: Bot,
        *,
        headers: Mapping[str, str],
        query: Mapping[str, str],
        body: str,
        recipients: Sequence[str] | None,
    ) -> Event:
        """Make the event of a call of a bot's incoming webhook."""
        params = {
            "headers": dict(headers),
            "params": dict(query),
            "body": body,
            "http_method": "POST",
            "user": user_object(JAMES),
        }
        receiver = self.receiver(bot, "incoming_webhook_handler")
        scene = Scene(person=JAMES, base_url=self.base_url)
        audience = Audience(recipients=None if recipients is None else tuple(recipients))
        return Event(bot=bot, receiver=receiver, scene=scene, params=params, audience=audience)

    def call(self, bot: Bot, person: Person, operation: str, *, call_id: str, at: int) -> Event:
        """Make an event of a voice call."""
        if bot.record["calls"] != "enabled":
            raise NoEventError(f"the calls of {bot.name} are disabled")
        receiver = self.receiver(bot, "call_handler")
        data = {"call_id": call_id, "time": at}
        params = {"operation": operation, "data": data, "user": user_object(person)}
        scene = Scene(person=person, base_url=self.base_url)
        return Event(bot=bot, receiver=receiver, scene=scene, params=params)

    def button(
        self,
        bot: Bot,
        person: Person,
        function: FunctionHandler,
        *,
        button: Mapping[str, Any],
        message_id: str,
        text: str,
        at: int,
    ) -> Event:
        """Make the event of a button that runs a function."""
        message = {
            "is_read": True,
            "sender": {"id": f"b-{bot.record['id']}", "name": bot.record["name"]},
            "time": str(at),
            "text": text,
            "type": "card",
        }
        target = {"name": button["label"], "hint": button.get("hint", "")}
        if "key" in button:
            target["key"] = button["key"]
        params = {
            "message": message,
            "target": target,
            "event": "click",
            "arguments": button.get("arguments", {}),
        }
        return self._function_event(bot, person, function, params, message_id=message_id)

    def form(
        self,
        bot: Bot,
        person: Person,
        function: FunctionHandler,
        *,
        form: Mapping[str, Any],
        values: Mapping[str, Any],
    ) -> Event:
        """Make the event of a form that is submitted."""
        params = {
            "form": {"name": form["name"], "action": "submit", "values": dict(values)},
            "target": {"name": form.get("button_label", "submit"), "value": ""},
        }
        return self._function_event(bot, person, function, params)

    def _function_event(
        self,
        bot: Bot,
        person: Person,
        function: FunctionHandler,
        params: dict[str, Any],
        *,
        message_id: str | None = None,
    ) -> Event:
        receiver = Receiver(
            kind="function",
            name=function.name,
            unique_name="",
            url=function.url,
            handler=function.type,
            permissions=function.permissions,
        )
        chat = self.personal_chat(bot, person)
        event = self._event(bot, receiver, person, chat, params, message_id=message_id or "")
        audience = Audience(chat_id=chat.id, person=person, message_id=message_id)
        return attrs.evolve(event, audience=audience)

    def _event(
        self,
        bot: Bot,
        receiver: Receiver | str,
        person: Person,
        chat: Chat,
        params: dict[str, Any],
        *,
        channel: str | None = None,
        message_id: str = "",
    ) -> Event:
        if isinstance(receiver, str):
            receiver = self.receiver(bot, receiver)
        params = {"user": user_object(person)} | params
        if receiver.handler != "welcome_handler":
            params["chat"] = self._chat_object(bot, person, chat, channel)
        return Event(
            bot=bot,
            receiver=receiver,
            scene=Scene(
                person=person, chat_id=chat.id, message_id=message_id, base_url=self.base_url
            ),
            params=params,
            audience=Audience(chat_id=chat.id, person=person, channel=channel),
        )

    def _chat_object(
        self, bot: Bot, person: Person, chat: Chat, channel: str | None
    ) -> dict[str, Any]:
        people = self._state.people.all()[:_MEMBERS] if channel else [person]
        recent = [
            self._recent(bot, item)
            for item in self._chats.last(chat, _RECENT, scan=_SCANNED)
            if isinstance(item["body"].get("text"), str)
        ]
        return chat_object(
            chat.id,
            kind="channel" if channel else "bot",
            title=f"#{channel}" if channel else bot.record["name"],
            people=people,
            recent=recent,
            channel=channel,
        )

    def _recent(self, bot: Bot, item: Mapping[str, Any]) -> dict[str, Any]:
        sender = {"name": bot.record["name"], "id": f"b-{bot.record['id']}"}
        if item["from"] == "person":
            person = self._state.people.get(item["user"])
            sender = {"name": person["name"], "id": person["user_id"]}
        time = str(item.get("at") or item["id"][1:])
        text = item["body"]["text"]
        return {"sender": sender, "time": time, "text": text, "id": item["id"], "type": "text"}
