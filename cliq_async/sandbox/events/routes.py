"""The HTTP interface to people, chats and deliveries, for the page and `cliq user`."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from aiohttp import web

from cliq_async.sandbox.errors import ApiFault, bad_request, wrong_method
from cliq_async.sandbox.events.deliveries import Delivery
from cliq_async.sandbox.events.sender import RESPONSES_PATH
from cliq_async.sandbox.events.service import EventService
from cliq_async.sandbox.responses import json_response
from cliq_async.sandbox.validation.checks import (
    Check,
    boolean,
    json_object,
    map_of,
    object_with,
    string,
)

__all__ = ["EventRoutes"]

PREFIX: Final = "/sandbox/"
_JSON: Final = "application/json"
_MAX_LIMIT: Final = 1000

_TEXT: Final = string(min_length=1)


def _anything(_: Any, __: str) -> None:
    """Accept any value."""


def _form(required: str = "", **optional: Check) -> Check:
    names = dict.fromkeys(required.split(), _TEXT)
    return object_with(names, {"user": _TEXT, "wait": boolean} | optional)


_FORMS: Final[Mapping[str, Check]] = {
    "say": _form("bot text"),
    "choose": _form("bot action", sub_action=_TEXT),
    "press": _form("bot label", message_id=_TEXT),
    "submit": object_with(
        {"bot": _TEXT, "form": _TEXT, "values": map_of(_anything)},
        {"user": _TEXT, "wait": boolean},
    ),
    "subscribe": object_with({"bot": _TEXT, "user": _TEXT}, {"wait": boolean}),
    "unsubscribe": _form("bot"),
    "mention": _form("bot text channel"),
    "write": _form("channel text"),
    "add": _form("bot channel"),
    "remove": _form("bot channel"),
    "answer": _form("bot", text=_TEXT, decline=boolean),
}
"""The acts of people, by the last part of the path, each with the check of its body."""

_SEND_AGAIN: Final = object_with({}, {"exact": boolean, "wait": boolean})


class EventRoutes:
    """The routes below `/sandbox/`, and the `response_url` of events.

    Args:
        service: The events of the sandbox.
    """

    def __init__(self, service: EventService) -> None:
        self._service = service
        self._pages: dict[str, Callable[[Mapping[str, str]], object]] = {
            "bots": lambda _: {"bots": service.views.bots()},
            "channels": lambda _: {"channels": service.views.channels()},
            "people": self._people,
            "chat": self._chat,
            "deliveries": lambda query: {"deliveries": service.views.deliveries(_limit(query))},
            "quota": lambda query: service.views.quota(query.get("user")),
        }

    def serves(self, path: str) -> bool:
        """Return whether a path belongs to these routes."""
        return path.startswith((PREFIX, RESPONSES_PATH))

    async def respond(self, request: web.BaseRequest) -> web.StreamResponse:
        """Respond to a request for one of these routes.

        Raises:
            ApiFault: The path does not exist, or the request is not valid.
        """
        path = request.rel_url.path
        if path.startswith(RESPONSES_PATH):
            return await self._take_response(request, path.removeprefix(RESPONSES_PATH))
        name = path.removeprefix(PREFIX)
        if request.method == "GET":
            return await self._get(request, name)
        if request.method == "POST":
            return await self._post(request, name)
        raise wrong_method()

    async def _get(self, request: web.BaseRequest, name: str) -> web.StreamResponse:
        query = dict(request.query)
        views = self._service.views
        if name == "public-key":
            return web.Response(text=self._service.dispatcher.keys.public_key + "\n")
        if name == "events":
            has_chat = "channel" in query or ("bot" in query and "user" in query)
            chat = views.chat_of(**_chat_names(query)) if has_chat else None
            if "bot" in query:
                views.check_bot(query["bot"])
            return await self._service.feed.respond(request, chat, bot=query.get("bot"))
        if (number := _delivery_number(name, "")) is not None:
            return _response(views.delivery(number))
        if name in self._pages:
            return _response(self._pages[name](query))
        raise _unknown(name)

    async def _post(self, request: web.BaseRequest, name: str) -> web.StreamResponse:
        number = _delivery_number(name, "/send-again")
        if number is None and name not in _FORMS:
            raise _unknown(name)
        if request.content_type != _JSON:
            raise bad_request(f"The Content-Type is not {_JSON}.")
        form = json_object(await _body(request))
        check = (
            _FORMS[name] if number is None else object_with({}, {"exact": boolean, "wait": boolean})
        )
        check(form, "")
        wait = form.pop("wait", True)
        if number is None:
            work = self._act(name, form)
        else:
            exact = form.get("exact", False)
            work = self._single(self._service.dispatcher.send_again(number, exact=exact))
        task = asyncio.ensure_future(work)
        if not wait:
            await asyncio.sleep(0)  # an act that is not possible ends at once
            if not task.done():
                self._service.dispatcher.spawn(_quietly(task))
                return json_response(202, {"deliveries": [], "items": []})
        deliveries = await task
        shown = tuple(item for each in deliveries for item in each.shown)
        return _response(
            {
                "deliveries": [each.describe() for each in deliveries],
                "items": self._service.views.items(shown),
            }
        )

    async def _act(self, name: str, form: dict[str, Any]) -> tuple[Delivery, ...]:
        acts = self._service.acts
        if name == "write":
            return await acts.write(**form)
        if name == "answer" and "text" not in form:
            await acts.pick_up(**form)
            return ()
        if name == "answer" and "decline" in form:
            raise bad_request("Either 'text' or 'decline' is needed, not both.")
        return (await getattr(acts, name)(**form),)

    async def _single(self, delivery: Awaitable[Delivery]) -> tuple[Delivery, ...]:
        return (await delivery,)

    async def _take_response(self, request: web.BaseRequest, token: str) -> web.StreamResponse:
        if request.method != "POST":
            raise wrong_method()
        if request.content_type != _JSON:
            raise bad_request(f"The Content-Type is not {_JSON}.")
        self._service.dispatcher.take_response(token, await _body(request))
        return json_response(200, {})

    def _people(self, query: Mapping[str, str]) -> object:
        return self._service.views.people(
            bot=query.get("bot"), search=query.get("search", ""), limit=_limit(query)
        )

    def _chat(self, query: Mapping[str, str]) -> object:
        return self._service.views.chat(self._service.views.chat_of(**_chat_names(query)))


async def _quietly(work: Awaitable[object]) -> None:
    """Await an act whose caller does not wait; its outcome is in the record."""
    try:
        await work
    except ApiFault:
        return


async def _body(request: web.BaseRequest) -> bytes:
    try:
        return await request.read()
    except (web.HTTPRequestEntityTooLarge, web.RequestPayloadError):
        raise bad_request("The body is too large or damaged.") from None


def _response(body: Any) -> web.Response:
    return json_response(200, body)


def _chat_names(query: Mapping[str, str]) -> dict[str, str | None]:
    return {name: query.get(name) for name in ("bot", "user", "channel")}


def _limit(query: Mapping[str, str]) -> int:
    text = query.get("limit", "100")
    if not (text.isascii() and text.isdecimal() and len(text) < 5 and int(text) <= _MAX_LIMIT):  # noqa: PLR2004
        raise bad_request(f"'limit' is not a number from 0 to {_MAX_LIMIT}.")
    return int(text)


def _delivery_number(name: str, suffix: str) -> int | None:
    digits = name.removeprefix("deliveries/").removesuffix(suffix)
    is_number = digits.isascii() and digits.isdecimal() and len(digits) < 16  # noqa: PLR2004
    return int(digits) if is_number and name == f"deliveries/{digits}{suffix}" else None


def _unknown(name: str) -> ApiFault:
    return ApiFault(404, f"The sandbox has no page {PREFIX}{name}.")
