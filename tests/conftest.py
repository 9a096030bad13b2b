import pytest
import support.effort  # noqa: F401 - sets the number of examples of random tests

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
def no_stacks():
    """asyncio's debug mode minds threads and slow callbacks, but keeps no stack of each future.

    The stacks would take 40 percent of the time of all tests.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("asyncio.base_events.BaseEventLoop.get_debug", lambda _: False)
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
