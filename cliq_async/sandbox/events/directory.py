"""Bots, people and channels by the names that people and programs use."""

from typing import Final

from cliq_async.sandbox.errors import ApiFault, bad_request
from cliq_async.sandbox.state.bots import Bot
from cliq_async.sandbox.state.channels import Channel
from cliq_async.sandbox.state.people import Person
from cliq_async.sandbox.state.state import State

__all__ = ["Directory"]

_MAX_DIGITS: Final = 20


class Directory:
    """The lookups of a sandbox. Their caller holds the lock of the state.

    Every method raises `ApiFault` if there is nothing of the name.

    Args:
        state: The data of the sandbox.
    """

    def __init__(self, state: State) -> None:
        self._state = state

    def bot(self, name: str) -> Bot:
        """Return a bot by its unique name or id."""
        return self._state.bots.by_name_or_id(name)

    def subscriber(self, bot: str, user: str | None) -> tuple[Bot, Person]:
        """Return a bot and one of its subscribers: a ZUID or email, or the first one for None."""
        found = self.bot(bot)
        if user is None:
            zuid = next(iter(found.subscribers.keys()), None)
            if zuid is None:
                raise bad_request(f"{bot} has no subscribers.")
        else:
            (zuid,) = self._state.people.resolve_zuids([user])
        person = found.subscribers.get(zuid)
        if person is None:
            raise bad_request(f"{zuid} does not subscribe to {bot}: let them subscribe first.")
        return found, person

    def person(self, user: str | None) -> Person:
        """Return a person by ZUID or email; for None the creator of all bots."""
        if user is None:
            return self._state.people.all()[0]
        (zuid,) = self._state.people.resolve_zuids([user])
        try:
            return self._state.people.get(zuid)
        except KeyError:
            raise ApiFault(404, f"There is no person {user}.") from None

    def zuid(self, user: str) -> str:
        """Return the ZUID of a person, who need not exist."""
        (zuid,) = self._state.people.resolve_zuids([user])
        if not (zuid.isascii() and zuid.isdecimal() and len(zuid) <= _MAX_DIGITS):
            raise bad_request(f"A ZUID has at most {_MAX_DIGITS} digits, which {user!r} is not.")
        return zuid

    def channel(self, name: str) -> Channel:
        """Return a channel by its unique name."""
        for channel in self._state.channels.all():
            if channel.name == name:
                return channel
        raise ApiFault(404, f"There is no channel '{name}'.")
