"""Bots as code: compare the bots that `cliq.toml` describes with Cliq's, and carry out changes."""
