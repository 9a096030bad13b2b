"""Channels, and which bots are in them."""

from collections.abc import Iterable
from typing import Final

import attrs

from cliq_async.sandbox.errors import ApiFault, bad_request, wrong_url

__all__ = ["Channel", "Channels", "initial_channels"]

_FIRST_CHAT: Final = 1777341900000


@attrs.frozen
class Channel:
    """A channel.

    Attributes:
        name: Its unique name.
        chat_id: The id of its chat.
        members: The unique names of the bots in it.
    """

    name: str
    chat_id: str
    members: set[str] = attrs.field(factory=set)


class Channels:
    """All channels.

    Args:
        channels: All of them.
    """

    def __init__(self, channels: Iterable[Channel]) -> None:
        self._by_name = {channel.name: channel for channel in channels}

    def associate(self, bot_name: str, channel_name: str) -> None:
        """Take a bot into a channel.

        Raises:
            ApiFault: There is no such channel, or the bot is in it.
        """
        channel = self._by_name.get(channel_name)
        if channel is None:
            raise wrong_url()
        if bot_name in channel.members:
            raise bad_request("The bot is in the channel.", "bot_already_member")
        channel.members.add(bot_name)

    def chat_id_for(self, bot_name: str, channel_name: str) -> str:
        """The chat of a channel that a bot writes to.

        Raises:
            ApiFault: There is no such channel, or the bot is not in it.
        """
        channel = self._by_name.get(channel_name)
        if channel is None:
            text = f"There is no channel '{channel_name}'."
            raise bad_request(text, "botmessage_sending_failed")
        if bot_name not in channel.members:
            raise ApiFault(403, "The bot is not in the channel.", "bot_message_forbidden")
        return channel.chat_id

    def chat_ids(self) -> list[str]:
        """The chats of all channels."""
        return [channel.chat_id for channel in self._by_name.values()]

    def remove_bot(self, bot_name: str) -> None:
        """Take a bot out of all channels."""
        for channel in self._by_name.values():
            channel.members.discard(bot_name)

    def all(self) -> list[Channel]:
        """All of them."""
        return list(self._by_name.values())


def initial_channels(bot_names: Iterable[str]) -> list[Channel]:
    """The channels that are there from the beginning; these bots are in the first of them."""
    channels = [
        Channel(name, f"CT_{_FIRST_CHAT + number}_64396901")
        for number, name in enumerate(("announcements", "general", "releases"))
    ]
    channels[0].members.update(bot_names)
    return channels
