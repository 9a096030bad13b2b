"""The `cliq` command."""

import sys

__all__ = ["main"]

_EXTRA = frozenset({"click", "rich"})
_INTERRUPTED = 130


def main() -> int:
    """Run the command line with `sys.argv`.

    Returns:
        The exit status, where the command line itself did not exit with one.
    """
    try:
        # Late: both come with an extra, and the package is importable without it.
        from cliq_async.cli.app import run  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name not in _EXTRA:
            raise
        sys.stderr.write("error: the command line needs `pip install 'cliq-async[cli]'`\n")
        return 1
    except KeyboardInterrupt:  # while the modules load
        return _INTERRUPTED
    return run()
