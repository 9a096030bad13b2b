"""The pure bucket, as its tests use it."""

LEASE_S = 1000.0


def take(bucket, quota, token, now, *, reserve=0, lease_s=LEASE_S):
    return bucket.try_take(quota, token, now, lease_s, reserve)
