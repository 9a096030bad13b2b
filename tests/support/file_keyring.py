"""A keyring in a file, which processes find by PYTHON_KEYRING_BACKEND; it fails on request."""

import json
import os
from pathlib import Path
from typing import Any

from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked


class InFile(KeyringBackend):
    priority: Any = 5
    name: Any = "Keyring of the tests"

    def __init__(self):
        super().__init__()
        self.path = Path(os.environ["KEYRING_OF_TESTS"])

    def _read(self):
        return json.loads(self.path.read_text()) if self.path.exists() else {}

    def get_password(self, service, username):
        return self._read().get(f"{service} {username}")

    def set_password(self, service, username, password):
        self.path.write_text(json.dumps(self._read() | {f"{service} {username}": password}))

    def delete_password(self, service, username):
        kept = self._read()
        del kept[f"{service} {username}"]
        self.path.write_text(json.dumps(kept))


class Locked(InFile):
    name = "Locked keyring"

    def get_password(self, service, username):
        raise KeyringLocked(f"no {username}")

    def set_password(self, service, username, password):
        raise KeyringLocked(f"no {password}")
