"""What may lie in the place of a SQLite file, and cannot be used for it."""

import sqlite3
from contextlib import closing


def damage(path):
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"SQLite format 3\0" + b"damaged" * 1000)


def no_database(path):
    path.parent.mkdir(exist_ok=True)
    path.write_text("# my notes\n" * 100)


def foreign(path):
    path.parent.mkdir(exist_ok=True)
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("CREATE TABLE notes (text TEXT)")


def folder(path):
    path.mkdir(parents=True)


def later(path, kind):
    """A file of a kind, of a version that is still to come."""
    path.parent.mkdir(exist_ok=True)
    with closing(sqlite3.connect(path)) as conn:
        conn.execute(f"PRAGMA application_id={kind.application_id}")
        conn.execute("PRAGMA user_version=99")
