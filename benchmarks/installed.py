"""What takes part: the versions of distributions, and rows for those that are not here."""

from importlib.metadata import PackageNotFoundError, version

from measuring import Row


def version_of(package: str) -> str | None:
    """Return the installed version of a distribution, or None."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def left_out(what: str) -> Row:
    """Return the row of a package that is not installed."""
    return Row(what, "left out: it is not installed")
