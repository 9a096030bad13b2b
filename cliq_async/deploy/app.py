"""Apps: the objects that `app = "module:name"` names, and their handlers."""

import importlib
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Protocol, runtime_checkable

from cliq_async.errors import NOTHING, Unquoted, ValidationError
from cliq_async.models.handler import NewHandler

__all__ = ["App", "import_again", "load_app", "load_handlers"]

_OWN: Final = "cliq_async"


@runtime_checkable
class App(Protocol):
    """An object that knows the handlers of its bot, such as a `WebhookBot`."""

    def handlers(self) -> tuple[NewHandler, ...]:
        """Return the handlers, with their permissions."""
        ...


def load_app(where: str, reference: str, folder: Path) -> App:
    """Import an app from a folder.

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
        raise ValidationError(where, "an object as module:name", Unquoted(_given(reference)))
    with _importing_from(folder), redirect_stdout(sys.stderr):
        try:
            app = importlib.import_module(module)
            for part in name.split("."):
                app = getattr(app, part)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the user's code
            limit = f"importing {reference} failed{_place(error, folder)}"
            text = error.msg if isinstance(error, SyntaxError) else error
            reason = " ".join(f"{type(error).__name__}: {text}".split())
            if isinstance(error, ModuleNotFoundError) and error.name == module.partition(".")[0]:
                reason += f"; modules are looked for in {folder.resolve()}"
            raise ValidationError(where, f"{limit}: {reason}", NOTHING) from None
        if not isinstance(app, App):
            raise ValidationError(where, "an app: an object with handlers()", type(app).__name__)
    return app


def load_handlers(where: str, reference: str, folder: Path) -> tuple[NewHandler, ...]:
    """Import an app from a folder, and return its handlers. See `load_app`."""
    app = load_app(where, reference, folder)
    with redirect_stdout(sys.stderr):
        handlers: tuple[Any, ...] = tuple(app.handlers())  # of the user's code
    for handler in handlers:
        if not isinstance(handler, NewHandler) or handler.permissions is None:
            raise ValidationError(where, "an app whose handlers have permissions", handler)
    return handlers


@contextmanager
def import_again(folder: Path) -> Iterator[None]:
    """Import the modules of a folder again in the body; an exception brings the old ones back."""
    old = _own_modules(folder)
    for name in old:
        del sys.modules[name]
    importlib.invalidate_caches()
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # it is compared by the second
    try:
        yield
    except BaseException:
        for name in _own_modules(folder):
            del sys.modules[name]
        sys.modules.update(old)
        raise
    finally:
        sys.dont_write_bytecode = writes


def _own_modules(folder: Path) -> dict[str, ModuleType]:
    """Return the modules of a folder, without installed packages in it."""
    folder = folder.resolve()
    found = {}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if not file or name == "__main__" or name.partition(".")[0] == _OWN:
            continue
        path = Path(file)
        if path.is_relative_to(folder) and "site-packages" not in path.parts:
            found[name] = module
    return found


@contextmanager
def _importing_from(folder: Path) -> Iterator[None]:
    path = str(folder.resolve())
    sys.path.insert(0, path)
    try:
        yield
    finally:
        sys.path.remove(path)


def _given(reference: str) -> str:
    """Show a reference without a name; that of a file with the one that it may stand for."""
    stem = reference.removesuffix(".py")
    if stem == reference:
        return repr(reference)
    return f"{reference!r}; did you mean {'.'.join(Path(stem).parts)}:bot?"


def _place(error: BaseException, folder: Path) -> str:
    """Return the line of the folder's own code at which an import failed, in words."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [(each.filename, each.lineno) for each in frames]
    if isinstance(error, SyntaxError) and error.filename:
        places.append((error.filename, error.lineno))
    own = [each for each in places if Path(each[0]).is_relative_to(folder.resolve())]
    return f" in {Path(own[-1][0]).name}, line {own[-1][1]}" if own else ""
