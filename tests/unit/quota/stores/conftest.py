import pytest


@pytest.fixture
def redis_server():
    """A Redis server that a test may harm."""
    from support.redis_servers import RedisServer

    with RedisServer() as started:
        yield started


@pytest.fixture
def redis_url():
    """The database of a Redis server that tests share, without a key."""
    from support.redis_servers import shared

    with shared().client() as client:
        client.flushdb()
    return shared().url
