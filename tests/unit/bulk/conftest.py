"""Journals in both places that can keep them."""

import pytest


@pytest.fixture(params=["file", "redis"])
def journal(request, path):
    """A journal that is not there yet: a file, or one on a server."""
    if request.param == "file":
        return path
    from support.journals import a_url

    return a_url()


@pytest.fixture
def path(path):
    """A file that is not there yet, in a folder that is."""
    path.parent.mkdir()
    return path
