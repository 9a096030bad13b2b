"""The table of contenders: which limiters there are, each at its best known settings.

Each is set to the documented 50 a minute and, where that turns out to be too much, also to what
its users fall back on.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import attrs
from installed import version_of
from limiters import (
    WINDOW_S,
    Aiolimiter,
    Aiometer,
    CliqAsync,
    Limiter,
    Limits,
    N,
    Pyrate,
    Stamped,
    Telegram,
    ThrottledPy,
)


@attrs.frozen
class Contender:
    """A limiter and its settings.

    Attributes:
        make: Makes one, for a share of the threshold, and a file for those that keep one.
        alone_s: Between which times 150 sends take alone, with answers after 0.1 s.
        package: The distribution it comes from; None for what is here.
        shared: It keeps its count where other processes see it, and where it survives.
    """

    name: str
    make: Callable[[float, Path | None], Limiter]
    alone_s: tuple[float, float]
    package: str | None = None
    shared: bool = False

    @property
    def installed(self) -> bool:
        """Whether it can take part."""
        return self.package is None or version_of(self.package) is not None

    @property
    def ours(self) -> bool:
        """Whether it is what this project is about."""
        return self.name.startswith("cliq_async")


OURS, OURS_BARE = "cliq_async", "cliq_async, margin 0"
NONE = "no limiter"
_THROTTLED = partial(ThrottledPy, "sliding_window")

CONTENDERS = {
    each.name: each
    for each in [
        Contender(OURS, partial(CliqAsync, 1.0), (122.0, 124.0)),
        Contender(OURS_BARE, partial(CliqAsync, 0.0), (120.0, 122.0)),
        Contender(NONE, lambda *_: Limiter(), (0.2, 0.4)),
        Contender("window stamped at the start, 45", partial(Stamped, 45), (180.0, 181.0)),
        Contender(
            "aiolimiter(50, 60)", partial(Aiolimiter, 50, 60.0), (119.0, 121.0), "aiolimiter"
        ),
        Contender("aiolimiter(1, 1.2)", partial(Aiolimiter, 1, 1.2), (178.0, 180.0), "aiolimiter"),
        Contender(
            "aiolimiter(25, 60)", partial(Aiolimiter, 25, 60.0), (299.0, 301.0), "aiolimiter"
        ),
        Contender(
            "pyrate-limiter Rate(50, 60 s)", partial(Pyrate, N), (120.0, 122.0), "pyrate-limiter"
        ),
        Contender(
            "pyrate-limiter Rate(40, 60 s)", partial(Pyrate, 40), (180.0, 182.0), "pyrate-limiter"
        ),
        Contender("limits moving window", Limits, (120.0, 121.0), "limits"),
        Contender("throttled-py sliding window", _THROTTLED, (60.0, 180.0), "throttled-py"),
        Contender(
            "throttled-py GCRA(50)",
            partial(ThrottledPy, "gcra"),
            (119.0, 123.0),
            "throttled-py",
        ),
        Contender(
            "aiometer max_per_second",
            partial(Aiometer, {"max_per_second": N / WINDOW_S}),
            (178.0, 180.0),
            "aiometer",
        ),
        Contender(
            "aiometer max_at_once",
            partial(Aiometer, {"max_at_once": N}),
            (0.2, 0.4),
            "aiometer",
        ),
        Contender(
            "python-telegram-bot AIORateLimiter",
            Telegram,
            (119.0, 121.0),
            "python-telegram-bot",
        ),
        Contender(
            "pyrate-limiter Rate(50, 60 s), shared store",
            partial(Pyrate, N),
            (120.0, 122.0),
            "pyrate-limiter",
            shared=True,
        ),
        Contender(
            "pyrate-limiter Rate(40, 60 s), shared store",
            partial(Pyrate, 40),
            (180.0, 182.0),
            "pyrate-limiter",
            shared=True,
        ),
        Contender("limits, shared store", Limits, (120.0, 121.0), "limits", shared=True),
        Contender(
            "throttled-py, shared store", _THROTTLED, (60.0, 180.0), "throttled-py", shared=True
        ),
    ]
}
