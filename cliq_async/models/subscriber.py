"""A subscriber of a bot."""

import attrs

from cliq_async.models.base import Model
from cliq_async.models.extra import NO_EXTRA, Unknown

__all__ = ["Subscriber"]


@attrs.frozen(kw_only=True)
class Subscriber(Model):
    """A user who subscribes to a bot.

    Attributes:
        user_id: The user's ZUID, a string of digits, accepted in `user_ids`.
        name: The display name; may be empty.
        email_id: The email address; may be empty.
        extra: All other fields of the response, unchanged.
    """

    user_id: str
    name: str = ""
    email_id: str = ""
    extra: Unknown = attrs.field(default=NO_EXTRA, hash=False)
