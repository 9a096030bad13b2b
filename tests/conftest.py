import pytest

pytest_plugins = ["cliq_async.pytest_plugin"]


@pytest.fixture(autouse=True, scope="session")
def state_of_its_own(tmp_path_factory):
    """The quota, profiles, settings and keyring of these tests are not those of who runs them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        for name in ("DISPLAY", "WAYLAND_DISPLAY", "PYTHON_KEYRING_BACKEND"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(autouse=True, scope="session")
def short_stacks():
    """asyncio's debug mode notes three frames of where a future came from; ten are slow."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("asyncio.constants.DEBUG_STACK_DEPTH", 3)
        yield


@pytest.fixture
def path(tmp_path):
    """Where a file may be made; its folder is not there yet, either."""
    return tmp_path / "new" / "file.db"


@pytest.fixture
def clock():
    """Seconds that only the test moves."""
    from support.stores import Clock

    return Clock()


@pytest.fixture
def table(path):
    """Synced subscribers, of whom there are none yet, in a file at the path."""
    from cliq_async.sync.table import SubscriberTable

    made = SubscriberTable(path)
    yield made
    made.close()


@pytest.fixture
async def synced(path):
    """A file of two bots, with somebody who has left each of them, and both."""
    from support.subscriber_lists import a_synced_file

    await a_synced_file(path)
    return path


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


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Profiles, quota and settings of this test alone, in an empty folder."""
    for name in ("state", "config"):
        monkeypatch.setenv(f"XDG_{name.upper()}_HOME", str(tmp_path / name))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path


@pytest.fixture
def ids(tmp_path):
    """A file with as many of the sandbox's first subscribers as one asks for."""
    from support.cli import zuids

    def make(count):
        path = tmp_path / "ids.txt"
        path.write_text("\n".join(zuids(count)))
        return str(path)

    return make


@pytest.fixture
def written(monkeypatch):
    """What commands write to a terminal in place of stderr and stdout."""
    import io

    from rich.console import Console

    from cliq_async.cli.outputs import console as output

    written = io.StringIO()
    for name in ("err", "out"):
        console = Console(file=written, force_terminal=True, width=100, _environ={"TERM": "xterm"})
        monkeypatch.setattr(output, name, lambda console=console: console)
    monkeypatch.setattr(output, "_may_be_terminal", lambda _stream: True)
    return written


@pytest.fixture
def here(places):
    """The current folder; the platform's places are elsewhere."""
    return places / "work"


@pytest.fixture
def own_toml(here):
    """Where a user's own file of settings is; there is none yet."""
    from cliq_async.cli.settings.config_file import settings_path

    path = settings_path()
    path.parent.mkdir(parents=True)
    return path
