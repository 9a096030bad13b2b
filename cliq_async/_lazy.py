"""Module attributes that are imported on first use (PEP 562)."""

import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["attach"]


def attach(
    package: str, names: Mapping[str, Iterable[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make the `__getattr__` and `__dir__` of a package whose names are imported on first use.

    Args:
        package: The package's name.
        names: The public names, by the modules that define them.
    """
    modules = {name: module for module, group in names.items() for name in group}
    # `import package; package.errors` keeps working without an import of the submodule.
    children = {module.removeprefix(f"{package}.").partition(".")[0] for module in names}

    def get(name: str) -> Any:
        if name in modules:
            value = getattr(import_module(modules[name]), name)
        elif name in children:
            value = import_module(f"{package}.{name}")
        else:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        vars(sys.modules[package])[name] = value
        return value

    def listing() -> list[str]:
        return sorted({*vars(sys.modules[package]), *modules})

    return get, listing
