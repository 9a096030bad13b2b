"""The sources of settings, profiles and credentials, and their precedence."""
