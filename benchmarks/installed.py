"""What takes part: the versions of distributions, and rows for those that are not here."""

from importlib.metadata import PackageNotFoundError, version

from measuring import Row


def version_of(package: str) -> str | None:
    """The installed version of a distribution, or None."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def left_out(what: str) -> Row:
    """The row of something that is not installed."""
    return Row(what, "left out: it is not installed")
