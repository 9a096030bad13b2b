"""The encryption of shared access tokens: only the same credentials read what they have written."""

import base64

import pytest

from cliq_async.auth.encryption import TokenCipher

SECRETS = ("1000.refresh", "a-client-secret")
TEXT = "3600.0 1000.41d9a7c2"


def a_cipher(*, secrets=SECRETS, name="n"):
    return TokenCipher(secrets, name)


@pytest.mark.parametrize("text", ["", TEXT, "x" * 10_000, "ü \x00"])
def test_each_process_with_the_credentials_reads_the_text(text):
    assert a_cipher().decrypt(a_cipher().encrypt(text)) == text


def test_nothing_of_the_text_or_the_key_is_in_what_others_read():
    cipher = a_cipher()
    encrypted = cipher.encrypt(TEXT)
    stored = encrypted.encode() + base64.urlsafe_b64decode(encrypted)
    for part in ("3600", "1000", "41d9", *SECRETS):
        assert part.encode() not in stored
    assert "refresh" not in repr(cipher)


def test_same_text_is_never_encrypted_the_same_way():
    assert len({a_cipher().encrypt(TEXT) for _ in range(100)}) == 100


@pytest.mark.parametrize(
    "other",
    [
        a_cipher(secrets=("another", "a-client-secret")),
        a_cipher(secrets=("1000.refresh", "another")),
        a_cipher(secrets=("1000.refresh",)),
        a_cipher(name="another"),
    ],
)
def test_others_cannot_read_the_text(other):
    assert other.decrypt(a_cipher().encrypt(TEXT)) is None


def test_altered_text_is_refused_whichever_bit_was_changed():
    data = base64.urlsafe_b64decode(a_cipher().encrypt(TEXT))
    for bit in range(8 * len(data)):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        assert a_cipher().decrypt(base64.urlsafe_b64encode(changed).decode()) is None
    for length in range(len(data)):
        assert a_cipher().decrypt(base64.urlsafe_b64encode(data[:length]).decode()) is None


@pytest.mark.parametrize("text", ["", TEXT, "====", "a", "ü", "\ud800", "AAAA" * 20])
def test_what_was_not_encrypted_is_refused(text):
    assert a_cipher().decrypt(text) is None
