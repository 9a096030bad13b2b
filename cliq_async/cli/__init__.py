"""The `cliq` command."""

import sys
from importlib.util import find_spec

__all__ = ["main"]

_EXTRA = ("click", "rich")
_INTERRUPTED = 130


def main() -> int:
    """Run the command line with `sys.argv`.

    Returns:
        The exit status, if the command line did not already exit with one.
    """
    # The packages of the extra are looked up here, since most of them are imported only on use.
    if not all(map(find_spec, _EXTRA)):
        sys.stderr.write("error: the command line needs `pip install 'cliq-async[cli]'`\n")
        return 1
    try:
        from cliq_async.cli.app import run  # noqa: PLC0415 - late: the package works without click
    except KeyboardInterrupt:  # while the modules load
        return _INTERRUPTED
    return run()
