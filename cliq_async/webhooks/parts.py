"""The parts of events: people, chats, attachments. Any field may be absent; it is empty then."""

from datetime import UTC, datetime
from typing import Any, Final, TypeVar, cast

import attrs
import msgspec

from cliq_async.models.deserialization import DecodeError, structure

__all__ = [
    "Attachment",
    "EventChat",
    "EventUser",
    "Location",
    "Member",
    "Mention",
    "RecentMessage",
    "RepliedMessage",
    "read_list",
    "read_object",
    "read_text",
    "read_time",
]

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class EventUser:
    """The person who caused an event.

    Attributes:
        id: The user's id; without the permission `user`, the only field that is there.
        zoho_user_id: The ZUID, to which messages are sent.
        name: The whole name, if Cliq sends it.
        first_name: The first name.
        last_name: The last name.
        email: The email address.
        admin: True for an administrator of the organization.
        organization_id: The organization's id.
        timezone: Such as `Asia/Calcutta`.
        country: Such as `us`.
        language: Such as `en`.
    """

    id: str = ""
    zoho_user_id: str = ""
    name: str = ""
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    admin: bool | None = None
    organization_id: str = ""
    timezone: str = ""
    country: str = ""
    language: str = ""


@attrs.frozen(kw_only=True)
class Member:
    """A member of a chat, or the sender of a message.

    Attributes:
        id: The user's id.
        name: The whole name, of senders.
        first_name: The first name.
        last_name: The last name.
        email: The email address.
        status: The user's presence, as a number.
    """

    id: str = ""
    name: str = ""
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    status: str = ""


_NO_MEMBER: Final = Member()


@attrs.frozen(kw_only=True)
class RecentMessage:
    """One of the last messages in a chat.

    Attributes:
        id: The message's id.
        sender: Who sent it.
        text: The text.
        time: When it was sent, in milliseconds; `sent_at` is the same as a datetime.
        type: Such as `text`.
    """

    id: str = ""
    sender: Member = _NO_MEMBER
    text: str = ""
    time: str = ""
    type: str = ""

    @property
    def sent_at(self) -> datetime | None:
        """The time as a datetime in UTC."""
        return read_time(self.time)


@attrs.frozen(kw_only=True)
class RepliedMessage:
    """The message to which another one replies.

    Attributes:
        sender: Who sent it.
        text: The text.
        time: When it was sent, in milliseconds.
    """

    sender: Member = _NO_MEMBER
    text: str = ""
    time: str = ""

    @property
    def sent_at(self) -> datetime | None:
        """The time as a datetime in UTC."""
        return read_time(self.time)


@attrs.frozen(kw_only=True)
class EventChat:
    """The chat in which an event happened.

    Attributes:
        id: The chat's id, such as `CT_1256246524399772951_1741337`.
        type: Such as `channel`, `bot` or `dm`.
        chat_type: The same in other words, if Cliq sends it.
        title: The title.
        owner: The id of the chat's owner.
        members: The members, or some of them.
        recent_messages: The last messages.
        channel_unique_name: The unique name of a channel.
        channel_id: The id of a channel.
        entity_id: The id of the thing that an entity chat is about.
    """

    id: str = ""
    type: str = ""
    chat_type: str = ""
    title: str = ""
    owner: str = ""
    members: tuple[Member, ...] = ()
    recent_messages: tuple[RecentMessage, ...] = ()
    channel_unique_name: str = ""
    channel_id: str = ""
    entity_id: str = ""


@attrs.frozen(kw_only=True)
class Attachment:
    """A file that was sent along. Some events hold its name alone.

    Attributes:
        name: The file's name.
        id: The file's id.
        url: The address at Zoho from which to fetch it, which expires.
        contenttype: Such as `image/png`.
        comment: The text sent along.
    """

    name: str = ""
    id: str = ""
    url: str = ""
    contenttype: str = ""
    comment: str = ""


@attrs.frozen(kw_only=True)
class Mention:
    """A user, bot or channel mentioned in a message.

    Attributes:
        id: The id.
        type: `user`, `bot` or `channel`.
        name: The name, of bots and channels.
        dname: The name to show.
        first_name: The first name of a user.
        last_name: The last name of a user.
        email: The email address of a user.
    """

    id: str = ""
    type: str = ""
    name: str = ""
    dname: str = ""
    first_name: str = ""
    last_name: str = ""
    email: str = ""


@attrs.frozen(kw_only=True)
class Location:
    """The place where a user is. Unless the status is `granted`, the numbers are None.

    Attributes:
        status: `granted`, `prompt`, `denied` or `failed`.
        latitude: In degrees.
        longitude: In degrees.
        accuracy: In meters.
        altitude: In meters.
    """

    status: str = ""
    latitude: float | None = None
    longitude: float | None = None
    accuracy: float | None = None
    altitude: float | None = None


def read_object(value: object, cls: type[T]) -> T:
    """Build a part from an object; a field that cannot be read costs itself alone."""
    if not isinstance(value, dict) or not value:
        return _empty(cls)
    try:
        return msgspec.convert(value, cls)  # what `structure` would try first
    except msgspec.ValidationError:
        pass
    try:
        return structure(value, cls)
    except DecodeError:
        names = [each.name for each in attrs.fields(cast("Any", cls)) if each.name in value]
        return cls(**{name: _read_field(value, name, cls) for name in names})


def _read_field(value: dict[str, Any], name: str, cls: type) -> Any:
    try:
        return getattr(structure({name: value[name]}, cls), name)
    except DecodeError:
        return getattr(_empty(cls), name)


def _empty(cls: type[T]) -> T:
    found = _EMPTY.get(cls)
    if found is None:
        found = _EMPTY[cls] = cls()
    return cast("T", found)


_EMPTY: Final[dict[type, object]] = {}


def read_list(value: object, cls: type[T]) -> tuple[T, ...]:
    """Build parts from a list; a bare string in it is the name of one."""
    if not isinstance(value, list) or not value:
        return ()
    plain = [{"name": each} if isinstance(each, str) else each for each in value]
    return tuple(read_object(each, cls) for each in plain if isinstance(each, dict))


def read_text(value: object, *keys: str) -> str:
    """Return a string or a number as text; of an object the first of some keys that has one."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        for key in keys:
            if text := read_text(value.get(key)):
                return text
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            whole = isinstance(value, float) and value.is_integer()
            return str(int(value) if whole else value)
        except ValueError:  # an int of more than 4,300 digits
            return ""
    return ""


def read_time(value: object) -> datetime | None:
    """Return milliseconds since 1970, as a number or text, as a datetime in UTC."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return datetime.fromtimestamp(float(value) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
