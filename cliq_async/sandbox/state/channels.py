"""Channels and the bots that are members of them."""

from collections.abc import Iterable
from typing import Final

import attrs

from cliq_async.sandbox.errors import ApiFault, bad_request, channel_not_found

__all__ = ["Channel", "Channels", "initial_channels"]

_FIRST_CHAT: Final = 1777341900000


@attrs.frozen
class Channel:
    """A channel.

    Attributes:
        name: The channel's unique name.
        chat_id: The id of the channel's chat.
        members: The unique names of the bots in the channel.
    """

    name: str
    chat_id: str
    members: set[str] = attrs.field(factory=set)


class Channels:
    """All channels, by unique name.

    Args:
        channels: The channels.
    """

    def __init__(self, channels: Iterable[Channel]) -> None:
        self._by_name = {channel.name: channel for channel in channels}

    def associate(self, bot_name: str, channel_name: str) -> None:
        """Add a bot to a channel.

        Raises:
            ApiFault: The channel does not exist, or the bot is in it already.
        """
        channel = self._by_name.get(channel_name)
        if channel is None:
            raise channel_not_found()
        if bot_name in channel.members:
            raise bad_request("The bot is in the channel.", "bot_already_member")
        channel.members.add(bot_name)

    def chat_id_for(self, bot_name: str, channel_name: str) -> str:
        """Return the chat id of a channel that the bot is in.

        Raises:
            ApiFault: The channel does not exist, or the bot is not in it.
        """
        channel = self._by_name.get(channel_name)
        if channel is None:
            text = f"There is no channel '{channel_name}'."
            raise bad_request(text, "botmessage_sending_failed")
        if bot_name not in channel.members:
            raise ApiFault(403, "The bot is not in the channel.", "bot_message_forbidden")
        return channel.chat_id

    def chat_ids(self) -> list[str]:
        """Return the chat ids of all channels."""
        return [channel.chat_id for channel in self._by_name.values()]

    def remove_bot(self, bot_name: str) -> None:
        """Remove a bot from all channels."""
        for channel in self._by_name.values():
            channel.members.discard(bot_name)

    def all(self) -> list[Channel]:
        """Return all channels."""
        return list(self._by_name.values())


def initial_channels(bot_names: Iterable[str]) -> list[Channel]:
    """Create the initial channels, with these bots in the first channel."""
    channels = [
        Channel(name, f"CT_{_FIRST_CHAT + number}_64396901")
        for number, name in enumerate(("announcements", "general", "releases"))
    ]
    channels[0].members.update(bot_names)
    return channels
