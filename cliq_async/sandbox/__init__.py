"""A local Cliq that counts and locks like the real one."""

from cliq_async.sandbox.server import Sandbox, serve, user_label

__all__ = ["Sandbox", "serve", "user_label"]
