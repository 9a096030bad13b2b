"""People who can subscribe to bots, with made-up names."""

from collections.abc import Iterable
from typing import Final, TypedDict

__all__ = ["JAMES", "People", "Person", "initial_people"]

_FIRST_ZUID: Final = 55743307
_GIVEN_NAMES: Final = ("Scott", "Amelia", "Ravi", "Ines", "Kenji", "Lena", "Omar", "Paula")
_FAMILY_NAMES: Final = ("Fisher", "Burrows", "Kumar", "Costa", "Mori", "Weber", "Haddad")


class Person(TypedDict):
    """A person, as the API returns a subscriber."""

    user_id: str
    name: str
    email_id: str


JAMES: Final[Person] = {
    "user_id": "65113112",
    "name": "James",
    "email_id": "james@example.com",
}
"""The creator of all bots."""


class People:
    """All people, by ZUID or email.

    Args:
        people: The initial people.
    """

    def __init__(self, people: Iterable[Person]) -> None:
        self._people = {person["user_id"]: person for person in people}
        self._zuids = {person["email_id"]: zuid for zuid, person in self._people.items()}

    def resolve_zuids(self, references: Iterable[str]) -> list[str]:
        """Replace known emails by their ZUIDs, keep all other references, drop duplicates."""
        by_email = self._zuids
        return list(dict.fromkeys([by_email.get(each.lower(), each) for each in references]))

    def get_or_create(self, zuid: str) -> Person:
        """Return the person with this ZUID, who is created if unknown."""
        person = self._people.get(zuid)
        if person is None:
            person = self._people[zuid] = _make_person(int(zuid), zuid, zuid)
            self._zuids[person["email_id"]] = zuid
        return person

    def get(self, zuid: str) -> Person:
        """Return the person with this ZUID.

        Raises:
            KeyError: No person has the ZUID.
        """
        return self._people[zuid]

    def all(self) -> list[Person]:
        """Return all people."""
        return list(self._people.values())


def initial_people(count: int) -> list[Person]:
    """Create this number of people, the same ones every time."""
    # The ZUIDs have gaps, so that some numbers belong to no person.
    return [_make_person(n, str(_FIRST_ZUID + 3 * n), str(n + 1)) for n in range(count)]


def _make_person(number: int, zuid: str, mark: str) -> Person:
    given = _GIVEN_NAMES[number % len(_GIVEN_NAMES)]
    family = _FAMILY_NAMES[number % len(_FAMILY_NAMES)]
    email = f"{given}.{family}.{mark}@example.com".lower()
    return {"user_id": zuid, "name": f"{given} {family}", "email_id": email}
