"""What the sandbox remembers: bots, their subscribers, and who got how many messages."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final

from cliq_async.sandbox.checks import Refused, malformed

__all__ = ["Bot", "Catalogue", "State"]

Record = dict[str, Any]

_FIRST_BOT: Final = 53719000001878011
_FIRST_USER: Final = 55743307
_FIRST_MESSAGE: Final = 1777342127478
_GIVEN_NAMES: Final = ("Scott", "Amelia", "Ravi", "Ines", "Kenji", "Lena", "Omar", "Paula")
_FAMILY_NAMES: Final = ("Fisher", "Burrows", "Kumar", "Costa", "Mori", "Weber", "Haddad")
_SCOPES: Final = ("organization", "team", "personal")


class Catalogue:
    """Records by id, in the order of their ids, read page by page while they change.

    A cursor holds the last id that was given out, so records that come or go in between shift
    nothing. It also holds the revision at which the listing began, which becomes the sync token:
    what changed while the pages were read is part of the next sync.

    Args:
        name: What it lists; a cursor of another catalogue is refused.
        records: The first records by id, the ids being strings of digits.
    """

    def __init__(self, name: str, records: Iterable[tuple[str, Record]]) -> None:
        self._name = name
        self._records = dict(records)
        # Ids of different lengths are ordered as numbers are.
        self._order = sorted((len(key), key) for key in self._records)
        self._changed: dict[str, int] = {}
        self._removed: dict[str, int] = {}
        self._revision = 0

    def __contains__(self, key: object) -> bool:
        return key in self._records

    def __len__(self) -> int:
        return len(self._records)

    def get(self, key: str) -> Record | None:
        """The record of this id, if there is one."""
        return self._records.get(key)

    def keys(self) -> Iterable[str]:
        """All ids."""
        return self._records.keys()

    def put(self, key: str, record: Record) -> None:
        """Add a record or replace the one of the same id."""
        if key not in self._records:
            insort(self._order, (len(key), key))
        self._records[key] = record
        self._revision += 1
        self._changed[key] = self._revision
        self._removed.pop(key, None)

    def remove(self, key: str) -> None:
        """Take a record away.

        Raises:
            KeyError: There is none of this id.
        """
        del self._records[key]
        del self._order[bisect_left(self._order, (len(key), key))]
        self._revision += 1
        self._changed.pop(key, None)
        self._removed[key] = self._revision

    def page(
        self,
        limit: int,
        *,
        next_token: str | None = None,
        sync_token: str | None = None,
        keep: Callable[[Record], bool] | None = None,
    ) -> dict[str, Any]:
        """One page, with its tokens.

        Args:
            limit: How many records at most.
            next_token: Where to go on, from the page before.
            sync_token: From an earlier listing: only what changed since then.
            keep: Which records to list; all without it.

        Returns:
            `data` and `sync_token`; `next_token` if there is more; `deleted` in a sync.

        Raises:
            Refused: A token is not one of this catalogue's.
        """
        since, revision, last = None, self._revision, ""
        if sync_token is not None:
            since = int(self._open(sync_token, 1)[0])
        if next_token is not None:
            start, now, last = self._open(next_token, 3)
            since, revision = int(start) if start else None, int(now)
        found: list[str] = []
        for index in range(bisect_right(self._order, (len(last), last)), len(self._order)):
            key = self._order[index][1]
            if since is not None and self._changed.get(key, 0) <= since:
                continue
            if keep is None or keep(self._records[key]):
                found.append(key)
                if len(found) > limit:  # one more than asked for: there is a next page
                    break
        page: dict[str, Any] = {}
        if len(found) > limit:
            found.pop()
            page["next_token"] = self._seal("" if since is None else since, revision, found[-1])
        page["sync_token"] = self._seal(revision)
        if since is not None:
            page["deleted"] = [key for key, at in self._removed.items() if at > since]
        page["data"] = [self._records[key] for key in found]
        return page

    def _seal(self, *fields: object) -> str:
        text = "|".join(map(str, (self._name, *fields))).encode()
        return urlsafe_b64encode(b"%08x|%s" % (binascii.crc32(text), text)).decode()

    def _open(self, token: str, fields: int) -> list[str]:
        try:
            sealed = urlsafe_b64decode(token.encode())
        except ValueError:
            sealed = b""
        checksum, _, text = sealed.partition(b"|")
        # The decoder passes over foreign characters: only the very token that was given out counts.
        sound = (
            checksum == b"%08x" % binascii.crc32(text)
            and urlsafe_b64encode(sealed) == token.encode()
        )
        name, *rest = text.decode().split("|") if sound else [""]
        if name != self._name or len(rest) != fields:
            raise malformed("The next_token or sync_token is not valid.")
        return rest


class Bot:
    """A bot and its subscribers.

    Attributes:
        record: The bot as the API shows it.
        subscribers: Its subscribers by ZUID, as the API shows them.
    """

    __slots__ = ("record", "subscribers")

    def __init__(self, record: Record, people: Iterable[tuple[str, Record]]) -> None:
        self.record = record
        self.subscribers = Catalogue(f"subscribers of {record['id']}", people)


class State:
    """Everything behind the routes.

    Args:
        bots: How many bots there are.
        subscribers: How many subscribers each of them has; the same people for all.
    """

    def __init__(self, *, bots: int, subscribers: int) -> None:
        people = [_person(number) for number in range(subscribers)]
        self._zuids = {record["email_id"]: zuid for zuid, record in people}
        self._bots = {bot.record["id"]: bot for bot in (_bot(n, people) for n in range(bots))}
        self._names = {bot.record["unique_name"]: bot for bot in self._bots.values()}
        self.bots = Catalogue("bots", ((key, bot.record) for key, bot in self._bots.items()))
        self._delivered: dict[str, Counter[str]] = {}
        self._messages = 0

    def bot(self, reference: str, *, by_id: bool = True) -> Bot:
        """The bot of this unique name or, with `by_id`, of this id, `b-` before it or not.

        Raises:
            Refused: There is none.
        """
        bot = self._names.get(reference)
        if bot is None and by_id:
            bot = self._bots.get(reference.removeprefix("b-"))
        if bot is None:
            raise Refused(404, "No bot has this id or unique name.", "bot_not_found")
        return bot

    def valid(self, bot: Bot, recipients: Iterable[str]) -> list[str]:
        """The ZUIDs of those recipients who subscribe to the bot, each of them once."""
        zuids = (self._zuids.get(each.lower(), each) for each in recipients)
        return [zuid for zuid in dict.fromkeys(zuids) if zuid in bot.subscribers]

    def deliver(self, user: str, zuids: Iterable[str]) -> None:
        """Record that each of these people got a message, sent on behalf of a user."""
        self._delivered.setdefault(user, Counter()).update(zuids)

    def delivered(self, user: str | None = None) -> Counter[str]:
        """How many messages each ZUID got, of all users or of one."""
        total: Counter[str] = Counter()
        for owner, counts in self._delivered.items():
            if user is None or user == owner:
                total.update(counts)
        return total

    def message_ids(self) -> dict[str, str]:
        """The ids of a new message and of its chat."""
        self._messages += 1
        number = _FIRST_MESSAGE + self._messages
        return {"chat_id": f"CT_{number}_64396901-B1", "message_id": f"{number}_{number:x}"}


def _person(number: int) -> tuple[str, Record]:
    zuid = str(_FIRST_USER + 3 * number)  # gaps, so that not every number is somebody
    given = _GIVEN_NAMES[number % len(_GIVEN_NAMES)]
    family = _FAMILY_NAMES[number % len(_FAMILY_NAMES)]
    email = f"{given}.{family}.{number + 1}@example.com".lower()
    return zuid, {"user_id": zuid, "name": f"{given} {family}", "email_id": email}


def _bot(number: int, people: list[tuple[str, Record]]) -> Bot:
    scope = _SCOPES[number % len(_SCOPES)]
    record: Record = {
        "unique_name": f"helperbot{number + 1}" if number else "supportbot",
        "name": f"Helper Bot {number + 1}" if number else "Support Bot",
        "id": str(_FIRST_BOT + 1000 * number),
        "description": "Handles support workflows",
        "scope": scope,
        "channel_participation": ["listen_message", "send_message"],
        "handlers": [{"type": "welcome_handler"}],
        "creator": {"name": "James", "id": "65113112"},
        "execution_type": "deluge",
        "status": "enabled",
        "type": "custom",
        "default": False,
        "subscriber_count": len(people),
        "calls": "enabled",
    }
    if scope == "team":
        record["team_ids"] = [12345678]
    return Bot(record, people)
