"""The pytest plugin; enable it by `pytest_plugins = ["cliq_async.pytest_plugin"]`."""

import os
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from cliq_async.testing import sandbox_in_thread

if TYPE_CHECKING:
    from cliq_async.sandbox import Sandbox
    from cliq_async.webhooks.fake import FakeCliq

__all__ = ["cliq_sandbox", "fake_cliq", "pytest_configure"]


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers", "cliq_sandbox(**options): options of the sandbox that cliq_sandbox starts"
    )


@pytest.fixture
def cliq_sandbox(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> "Iterator[Sandbox]":
    """Run a sandbox for one test, at 60 times the speed, and point the environment at it.

    `CliqClient.from_env()` and the `cliq` command then use it, with a separate quota. Pass options
    of `Sandbox` by the marker: `@pytest.mark.cliq_sandbox(subscribers=250)`.
    """
    marker = request.node.get_closest_marker("cliq_sandbox")
    options: dict[str, Any] = {"time_scale": 60.0} | (marker.kwargs if marker else {})
    for name in [name for name in os.environ if name.startswith("CLIQ_")]:
        monkeypatch.delenv(name)
    with sandbox_in_thread(**options) as sandbox:
        monkeypatch.setenv("CLIQ_BASE_URL", sandbox.url)
        monkeypatch.setenv("CLIQ_ACCOUNTS_URL", sandbox.url)
        monkeypatch.setenv("CLIQ_ACCESS_TOKEN", "token")
        monkeypatch.setenv("CLIQ_TIME_SCALE", str(options["time_scale"]))
        monkeypatch.setenv("CLIQ_QUOTA", "memory://")
        # A later sandbox may get the same port; it must not inherit this one's quota.
        monkeypatch.setenv("CLIQ_ACCOUNT", f"test-{uuid.uuid4().hex}")
        yield sandbox


@pytest.fixture
def fake_cliq() -> "FakeCliq":
    """Make signed events for a webhook bot: `await fake_cliq.say("hi").to(bot)`."""
    from cliq_async.webhooks.fake import FakeCliq  # noqa: PLC0415 - few programs are bots

    return FakeCliq()
