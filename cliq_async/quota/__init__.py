"""The quota: a token bucket whose tokens come back late."""
