"""The sandbox: a local Cliq server with state, rate limits, OAuth, events and injected faults."""

from cliq_async.sandbox.events.deliveries import Delivery
from cliq_async.sandbox.oauth import user_label
from cliq_async.sandbox.serve import serve
from cliq_async.sandbox.server import Sandbox

__all__ = ["Delivery", "Sandbox", "serve", "user_label"]
