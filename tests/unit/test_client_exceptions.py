"""The exceptions that leave the client's methods: its own, whatever fails underneath."""

import asyncio
import ssl
import zlib
from typing import Any

import pytest
from support.methods import METHODS
from support.scripted import DONE, Scripted, moved

from cliq_async.client import CliqClient
from cliq_async.errors import (
    AuthError,
    CliqError,
    OutcomeUnknownError,
    QuotaStoreError,
    TransportError,
)
from cliq_async.quota.stores.memory import MemoryStore
from cliq_async.sync.sync import sync_subscribers

FAULTS: list[Exception] = [
    OSError(5, "Input/output error"),
    ConnectionResetError("reset"),
    TimeoutError("late"),
    KeyError("key"),
    ValueError("value"),
    RuntimeError("session is closed"),
    AttributeError("attribute"),
    AssertionError(),
    RecursionError("deep"),
    MemoryError("full"),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid"),
    ssl.SSLError("handshake"),
    zlib.error("corrupt"),
    StopAsyncIteration(),
    asyncio.InvalidStateError("state"),
    asyncio.IncompleteReadError(b"", 5),
]
faults = pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)

CALLS: dict[str, Any] = {name: row[0] for name, row in METHODS.items()} | {
    "iterate": lambda client: anext(aiter(client.subscribers.iter("ops"))),
    "broadcast": lambda client: client.broadcast("ops", "hi", [1]),
    "call_many": lambda client: client.call_many("ops", "hi", [1]),
}


class FaultyStore(MemoryStore):
    """A store of the user's that does not raise the package's errors."""

    def __init__(self, method: str, fault: Exception) -> None:
        super().__init__(clock=asyncio.get_running_loop().time)
        self.fault = fault
        setattr(self, method, self.fail)

    async def fail(self, *_args: object, **_options: object) -> Any:
        raise self.fault


async def result_of(call: Any, client: CliqClient) -> object:
    """Return what a call returned or raised; of a job, why it stopped."""
    try:
        got = await call(client)
    except CliqError as error:
        return error
    return getattr(got, "error", got)


@faults
@moved
async def test_fault_of_the_transport_is_an_error_of_the_package(fault):
    for name, call in CALLS.items():
        store = MemoryStore(clock=asyncio.get_running_loop().time)
        async with CliqClient("t", transport=Scripted([fault]), quota=store) as client:
            got = await result_of(call, client)
        if name not in {"broadcast", "call_many"}:  # which report a batch of unknown outcome
            assert isinstance(got, TransportError | OutcomeUnknownError), name


@faults
@pytest.mark.parametrize("method", ["take", "snapshots"])
@moved
async def test_fault_of_the_store_is_a_store_error_and_nothing_is_sent(method, fault):
    transport = Scripted([DONE])
    store = FaultyStore(method, fault)
    async with CliqClient("t", transport=transport, quota=store) as client:
        if method == "take":
            for name, call in CALLS.items():
                assert isinstance(await result_of(call, client), QuotaStoreError), name
            assert transport.requests == []
        else:
            for call in (CliqClient.quota_status, lambda c: c.estimate_s("get_bot", 5)):
                assert isinstance(await result_of(call, client), QuotaStoreError)


@faults
@moved
async def test_fault_of_the_auth_function_is_an_auth_error(fault):
    async def auth() -> str:
        raise fault

    transport = Scripted([DONE])
    store = MemoryStore(clock=asyncio.get_running_loop().time)
    async with CliqClient(auth, transport=transport, quota=store) as client:
        for name, call in CALLS.items():
            assert isinstance(await result_of(call, client), AuthError), name
    assert transport.requests == []


@pytest.mark.parametrize("fault", [KeyError("key"), OSError(5, "error")])
async def test_fault_of_the_transport_in_a_sync_is_an_error_of_its_bot(
    fault, tmp_path, monkeypatch
):
    at_once = lambda _call: True  # noqa: E731 - without the pause between attempts
    monkeypatch.setattr("cliq_async.transport.pending_call.PendingCall._plan_pause", at_once)
    async with CliqClient("t", transport=Scripted([fault]), quota=MemoryStore()) as client:
        report = await sync_subscribers(client, ["ops"], tmp_path / "people.db")
    assert isinstance(report.errors["ops"], TransportError)
