"""The sandbox: a local Cliq server with state, rate limits, OAuth and injected faults."""

from cliq_async.sandbox.oauth import user_label
from cliq_async.sandbox.serve import serve
from cliq_async.sandbox.server import Sandbox

__all__ = ["Sandbox", "serve", "user_label"]
