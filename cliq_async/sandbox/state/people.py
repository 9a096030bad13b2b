"""People, who subscribe to bots, and their made-up names."""

from collections.abc import Iterable
from typing import Final, TypedDict

__all__ = ["JAMES", "People", "Person", "initial_people"]

_FIRST_ZUID: Final = 55743307
_GIVEN_NAMES: Final = ("Scott", "Amelia", "Ravi", "Ines", "Kenji", "Lena", "Omar", "Paula")
_FAMILY_NAMES: Final = ("Fisher", "Burrows", "Kumar", "Costa", "Mori", "Weber", "Haddad")


class Person(TypedDict):
    """A person, as the API shows a subscriber."""

    user_id: str
    name: str
    email_id: str


JAMES: Final[Person] = {
    "user_id": "65113112",
    "name": "James",
    "email_id": "james@example.com",
}
"""Who creates all bots."""


class People:
    """All who can be reached, by ZUID or email.

    Args:
        people: The first ones.
    """

    def __init__(self, people: Iterable[Person]) -> None:
        self._people = {person["user_id"]: person for person in people}
        self._zuids = {person["email_id"]: zuid for zuid, person in self._people.items()}

    def resolve_zuids(self, references: Iterable[str]) -> list[str]:
        """For each email the ZUID of whoever has it; any other text as it is. Each once."""
        known = self._zuids
        return list(dict.fromkeys([known.get(each.lower(), each) for each in references]))

    def get_or_create(self, zuid: str) -> Person:
        """Who has this ZUID; a new person if nobody had it."""
        person = self._people.get(zuid)
        if person is None:
            person = self._people[zuid] = _make_person(int(zuid), zuid, zuid)
            self._zuids[person["email_id"]] = zuid
        return person

    def get(self, zuid: str) -> Person:
        """Who has this ZUID.

        Raises:
            KeyError: Nobody has.
        """
        return self._people[zuid]

    def all(self) -> list[Person]:
        """Everybody."""
        return list(self._people.values())


def initial_people(count: int) -> list[Person]:
    """As many people, the same ones every time."""
    # Gaps between the ZUIDs, so that not every number is somebody.
    return [_make_person(n, str(_FIRST_ZUID + 3 * n), str(n + 1)) for n in range(count)]


def _make_person(number: int, zuid: str, mark: str) -> Person:
    given = _GIVEN_NAMES[number % len(_GIVEN_NAMES)]
    family = _FAMILY_NAMES[number % len(_FAMILY_NAMES)]
    email = f"{given}.{family}.{mark}@example.com".lower()
    return {"user_id": zuid, "name": f"{given} {family}", "email_id": email}
