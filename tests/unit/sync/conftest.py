import pytest


@pytest.fixture
def table(path):
    """Synced subscribers, of whom there are none yet, in a file at the path."""
    from cliq_async.sync.table import SubscriberTable

    made = SubscriberTable(path)
    yield made
    made.close()
