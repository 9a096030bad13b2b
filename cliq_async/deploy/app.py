"""The handlers of an app: of the object that `app = "module:name"` names."""

import importlib
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Protocol, runtime_checkable

from cliq_async.errors import Unquoted, ValidationError
from cliq_async.models.handler import NewHandler

__all__ = ["App", "load_handlers"]


@runtime_checkable
class App(Protocol):
    """An object that knows the handlers of its bot, such as a `WebhookBot`."""

    def handlers(self) -> tuple[NewHandler, ...]:
        """Return the handlers, with their permissions."""
        ...


def load_handlers(where: str, reference: str, folder: Path) -> tuple[NewHandler, ...]:
    """Import an app from a folder, and return its handlers.

    The module's own output goes to stderr, since stdout is for results.

    Args:
        where: The key of the reference, for errors.
        reference: The app as `module:name`.
        folder: The folder to import from.

    Raises:
        ValidationError: The app cannot be imported, or it is not an app.
    """
    module, colon, name = reference.partition(":")
    if not (module and colon and name):
        raise ValidationError(where, "an object as module:name", reference)
    with _importing_from(folder), redirect_stdout(sys.stderr):
        try:
            app = importlib.import_module(module)
            for part in name.split("."):
                app = getattr(app, part)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the user's code
            limit = f"importing {reference} failed{_place(error, folder)}"
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            raise ValidationError(where, limit, Unquoted(reason)) from None
        if not isinstance(app, App):
            raise ValidationError(where, "an app: an object with handlers()", type(app).__name__)
        handlers = tuple(app.handlers())
    for handler in handlers:
        if not isinstance(handler, NewHandler) or handler.permissions is None:
            raise ValidationError(where, "an app whose handlers have permissions", handler)
    return handlers


@contextmanager
def _importing_from(folder: Path) -> Iterator[None]:
    path = str(folder.resolve())
    sys.path.insert(0, path)
    try:
        yield
    finally:
        sys.path.remove(path)


def _place(error: BaseException, folder: Path) -> str:
    """Return the line of the folder's own code at which an import failed, in words."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [each for each in frames if Path(each.filename).is_relative_to(folder.resolve())]
    return f" in {Path(own[-1].filename).name}, line {own[-1].lineno}" if own else ""
