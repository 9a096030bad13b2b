"""The files and streams that commands read: recipients, messages, JSON."""
