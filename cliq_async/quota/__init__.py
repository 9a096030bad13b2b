"""The quota guard: token buckets, wait queues and fair sharing of requests."""
