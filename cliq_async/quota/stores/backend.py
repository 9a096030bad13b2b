"""The contract of a backend: where the states of a shared store are kept, and how they change.

A backend knows nothing of quotas. It keeps small byte strings by their keys. It loads one,
replaces it if no process has replaced it since, reads the clock that all processes go by, and says
what it may have lost. `ThreadedStore` makes a `QuotaStore` of it:

    class MyStore(ThreadedStore):
        def __init__(self, url):
            super().__init__(MyBackend(url), system_clock)
"""

from abc import abstractmethod
from contextlib import AbstractContextManager, nullcontext
from math import inf
from typing import Literal, NamedTuple, Protocol

import attrs

from cliq_async.errors import QuotaStoreError

__all__ = ["ClockRestart", "State", "StateBackend", "StateKey", "StatesLostError"]


class StatesLostError(QuotaStoreError):
    """The loss of what a batch stored, together with its place. The batch has to run again."""


class StateKey(NamedTuple):
    """The key of a state.

    Attributes:
        kind: `bucket` for what the quota rests on, `record` for what may be lost.
        name: The name, unique within its kind.
    """

    kind: Literal["bucket", "record"]
    name: str


class ClockRestart(NamedTuple):
    """A restart of the backend's clock since a state was stored.

    Attributes:
        stored_at: When the state was stored, on the clock before the restart.
        began_at: The first moment that may come after the restart, on the clock of now.
    """

    stored_at: float
    began_at: float


@attrs.frozen
class State:
    """A stored state as a backend loads it.

    Attributes:
        data: The stored bytes, or None if the state is missing.
        now: The moment of the load, on the backend's clock.
        lost_at: The moment, on the backend's clock, before which writes may be missing.
        restart: The restart of the clock since the state was stored, or None.
        must_save: True if the state has to be stored again even if no operation changes it.
        version: Anything the backend needs to recognize the state when it is replaced.
    """

    data: bytes | None = attrs.field(repr=False)
    now: float
    lost_at: float = -inf
    restart: ClockRestart | None = None
    must_save: bool = False
    version: object = None


class StateBackend(Protocol):
    """A place for states that several processes share.

    Only one thread uses a backend, so its methods may block; after a failure, it loads a state now
    and then to see whether the backend works again. An implementation inherits from this
    class and defines `load`, `swap` and `close`. A failure is a `QuotaStoreError`; any other
    exception becomes one.
    """

    @abstractmethod
    def load(self, key: StateKey) -> State:
        """Return the state of a key, and the moment on the clock that all processes share.

        The clock must not go back between the loads of one state. If what was stored may be
        incomplete, `State.lost_at` says up to when; a backend that loses data and does not say
        so lets too many requests out.
        """
        ...

    @abstractmethod
    def swap(self, key: StateKey, state: State, data: bytes | None, keep_until: float) -> bool:
        """Replace a state that was loaded just now, if no process has replaced it since.

        Args:
            key: The key.
            state: The state as it was loaded.
            data: The bytes to store, or None to delete the state.
            keep_until: The moment from which on the backend may delete the state, on its clock.

        Returns:
            False if the state is another one by now; it is then loaded and changed once more.
        """
        ...

    @abstractmethod
    def close(self) -> None:
        """Close the connection; the next batch opens it again."""
        ...

    def batch(self) -> AbstractContextManager[None]:
        """Enclose the loads and swaps of the operations that have piled up.

        A backend with transactions makes one of it. An error that leaves the body means that
        nothing in it was stored. After a `StatesLostError`, the operations run once more.
        """
        return nullcontext()

    def forget_after_fork(self) -> None:
        """Forget the connection in a forked child, without closing that of the parent."""
        self.close()

    def unreadable(self, key: StateKey) -> QuotaStoreError:
        """Return the error for a bucket that cannot be decoded."""
        return QuotaStoreError(f"the quota's state of {key.name!r} is damaged; delete it")
