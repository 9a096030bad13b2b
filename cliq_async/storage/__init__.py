"""SQLite files, worker threads and atomic file writes, used by quota, journal and sync."""
