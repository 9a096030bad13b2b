"""OpenTelemetry metrics and spans of a client. Requires the extra `otel`.

Only the OpenTelemetry API is used; the program chooses the SDK and exporters.

| name | kind | unit | attributes |
|---|---|---|---|
| `cliq.requests` | histogram | s | endpoint, outcome, status |
| `cliq.quota.wait` | histogram | s | endpoint, lane, error |
| `cliq.locks` | counter | | endpoint |
| `cliq.deliveries` | counter | | outcome |
| `cliq.quota.free` | gauge | | endpoint |
| `cliq.quota.capacity` | gauge | | endpoint |
| `cliq.quota.waiting` | gauge | | endpoint |

Each call has one span, named `cliq` and the endpoint, as a child of the caller's current span.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

from opentelemetry import metrics, trace

from cliq_async._version import __version__
from cliq_async.errors import QuotaStoreError
from cliq_async.hooks import CallDetails, Hooks, LockDetails, RequestDetails, WaitDetails

if TYPE_CHECKING:
    from cliq_async.bulk.report import BroadcastProgress
    from cliq_async.client import CliqClient
    from cliq_async.quota.status import QuotaStatus

__all__ = ["OpenTelemetry"]

_NAME = "cliq_async"
_REQUEST_BOUNDS_S: Final = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_WAIT_BOUNDS_S: Final = (0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
_SAME_COLLECTION_S: Final = 1.0
_OUTCOMES: Final = ("delivered", "failed", "unknown", "skipped")


class OpenTelemetry:
    """Metrics and spans for clients.

    Example:
        ```python
        telemetry = OpenTelemetry()
        async with CliqClient.from_env(hooks=telemetry.hooks) as client:
            telemetry.observe(client)
        ```

    Args:
        meter_provider: Receives metrics; defaults to the global provider.
        tracer_provider: Receives spans; defaults to the global provider.

    Attributes:
        hooks: The hooks to pass to `CliqClient(hooks=...)`.
    """

    def __init__(
        self,
        *,
        meter_provider: metrics.MeterProvider | None = None,
        tracer_provider: trace.TracerProvider | None = None,
    ) -> None:
        meter = metrics.get_meter(_NAME, __version__, meter_provider)
        self._tracer = trace.get_tracer(_NAME, __version__, tracer_provider)
        self._requests = meter.create_histogram(
            "cliq.requests",
            "s",
            "Requests and their time",
            explicit_bucket_boundaries_advisory=_REQUEST_BOUNDS_S,
        )
        self._waits = meter.create_histogram(
            "cliq.quota.wait",
            "s",
            "Waits for the quota",
            explicit_bucket_boundaries_advisory=_WAIT_BOUNDS_S,
        )
        self._locks = meter.create_counter("cliq.locks", description="Locks that began")
        self._deliveries = meter.create_counter(
            "cliq.deliveries", description="Recipients of broadcasts"
        )
        for outcome in _OUTCOMES:
            self._deliveries.add(0, {"outcome": outcome})
        self._observed: WeakKeyDictionary[CliqClient, dict[str, str]] = WeakKeyDictionary()
        self._statuses: list[tuple[dict[str, str], QuotaStatus]] = []
        self._read_at = float("-inf")
        for name, description in (
            ("free", "Requests that can go out now"),
            ("capacity", "Requests that are allowed in a window"),
            ("waiting", "Calls that wait in the client's event loop"),
        ):
            meter.create_observable_gauge(
                f"cliq.quota.{name}", [self._gauge(name)], description=description
            )
        self.hooks = Hooks(
            on_wait=self._on_wait,
            on_lock=self._on_lock,
            on_request=self._on_request,
            on_call=self._on_call,
        )

    def observe(self, client: "CliqClient", **attributes: str) -> None:
        """Measure a client's quota whenever metrics are collected.

        Nothing is measured while the client is closed or its quota store fails. The counter of
        locks begins at 0, so that the first lock is an increase.

        Args:
            client: The client.
            **attributes: Metric attributes that distinguish it from other observed clients.
        """
        self._observed[client] = attributes
        for endpoint in client._quotas:
            self._locks.add(0, {"endpoint": endpoint})

    def count_deliveries(self, **attributes: str) -> "Callable[[BroadcastProgress], None]":
        """Return an `on_progress` for one broadcast, which counts its recipients by outcome.

        Outcomes of earlier runs, from a journal, are not counted again.

        Example:
            ```python
            await client.broadcast(
                bot, text, to, on_progress=telemetry.count_deliveries(bot=bot)
            )
            ```

        Args:
            **attributes: Metric attributes that distinguish it from other broadcasts.
        """
        counted: dict[str, int] = {}
        for outcome in _OUTCOMES:
            self._deliveries.add(0, {"outcome": outcome, **attributes})

        def count(progress: "BroadcastProgress") -> None:
            now = {outcome: getattr(progress, outcome) for outcome in _OUTCOMES}
            for outcome, number in now.items() if counted else ():
                if number > counted[outcome]:
                    self._deliveries.add(
                        number - counted[outcome], {"outcome": outcome, **attributes}
                    )
            counted.update(now)

        return count

    def _gauge(
        self, field: str
    ) -> Callable[[metrics.CallbackOptions], Iterable[metrics.Observation]]:
        def measure(_options: metrics.CallbackOptions) -> Iterable[metrics.Observation]:
            # The first gauge of a collection reads the store, and the others use its reading.
            if field == "free" or time.monotonic() - self._read_at > _SAME_COLLECTION_S:
                self._read()
            return [
                metrics.Observation(getattr(status, field), attributes)
                for attributes, status in self._statuses
            ]

        return measure

    def _read(self) -> None:
        self._statuses = [
            ({"endpoint": name, **attributes}, status)
            for client, attributes in list(self._observed.items())
            for name, status in _status(client).items()
        ]
        self._read_at = time.monotonic()

    def _on_wait(self, wait: WaitDetails) -> None:
        attributes = {"endpoint": wait.endpoint, "lane": wait.lane}
        if wait.error is not None:
            attributes["error"] = wait.error
        self._waits.record(wait.waited_s, attributes)

    def _on_lock(self, lock: LockDetails) -> None:
        self._locks.add(1, {"endpoint": lock.endpoint})

    def _on_request(self, request: RequestDetails) -> None:
        attributes: dict[str, str | int] = {
            "endpoint": request.endpoint,
            "outcome": request.outcome,
        }
        if request.status is not None:
            attributes["status"] = request.status
        self._requests.record(request.took_s, attributes)

    def _on_call(self, call: CallDetails) -> None:
        ended_ns = time.time_ns()
        span = self._tracer.start_span(
            f"cliq {call.endpoint}",
            kind=trace.SpanKind.CLIENT,
            start_time=ended_ns - int(call.took_s * 1e9),
            attributes={"cliq.endpoint": call.endpoint, "cliq.requests": call.requests},
        )
        if call.error is not None:
            span.set_attribute("error.type", call.error)
            span.set_status(trace.StatusCode.ERROR)
        span.end(ended_ns)


def _status(client: "CliqClient") -> "dict[str, QuotaStatus]":
    """Return the quota status, whether or not the thread has a running event loop."""
    status: dict[str, QuotaStatus] = {}

    def read_status() -> None:
        with suppress(QuotaStoreError):
            status.update(asyncio.run(client.quota_status()))

    if not client.is_open:
        return status

    thread = threading.Thread(target=read_status, name="cliq_async otel", daemon=True)
    thread.start()
    thread.join()
    return status
