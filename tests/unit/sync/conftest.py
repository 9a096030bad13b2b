import pytest


@pytest.fixture
def table(path):
    """Open an empty table of subscribers at the path."""
    from cliq_async.sync.table import SubscriberTable

    made = SubscriberTable(path)
    yield made
    made.close()
