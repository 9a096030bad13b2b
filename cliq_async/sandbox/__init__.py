"""A local Cliq that keeps what it is told, and counts and locks like the real one."""

from cliq_async.sandbox.oauth import user_label
from cliq_async.sandbox.serve import serve
from cliq_async.sandbox.server import Sandbox

__all__ = ["Sandbox", "serve", "user_label"]
