"""A local Cliq that keeps what it is told, and counts and locks like the real one."""

from cliq_async.sandbox.server import Sandbox
from cliq_async.sandbox.serving import serve
from cliq_async.sandbox.tokens import user_label

__all__ = ["Sandbox", "serve", "user_label"]
