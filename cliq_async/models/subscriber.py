"""A subscriber of a bot."""

import attrs

__all__ = ["Subscriber"]


@attrs.frozen(kw_only=True)
class Subscriber:
    """A user who subscribes to a bot.

    Attributes:
        user_id: The user's ZUID, a string of digits, accepted in `user_ids`.
        name: The display name; may be empty.
        email_id: The email address; may be empty.
    """

    user_id: str
    name: str = ""
    email_id: str = ""
