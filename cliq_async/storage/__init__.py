"""Files: SQLite in a worker thread, and atomic replacement."""
