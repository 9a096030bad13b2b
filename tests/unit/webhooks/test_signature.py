"""Signatures: the raw bytes, one spelling, several keys, and keys that are not valid."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from support.webhook_samples import key, public, sign

from cliq_async import ValidationError
from cliq_async.webhooks.signature import SIGNATURE_HEADER, Verifier

BODY = '{"temperature": 30.0, "path": "a\\/b", "text": "ö 👋"}'.encode()


def pem():
    form = PublicFormat.SubjectPublicKeyInfo
    return key().public_key().public_bytes(Encoding.PEM, form).decode()


def wrapped():
    """A key that was copied with line breaks."""
    text = public(key())
    return "\n".join(f" {text[start : start + 64]} " for start in range(0, len(text), 64))


@pytest.mark.parametrize("form", [lambda: public(key()), pem, wrapped, lambda: f"\n{pem()}\n"])
def test_signature_of_the_very_bytes_is_good(form):
    verifier = Verifier(form())
    assert verifier.verify(BODY, sign(BODY))
    assert not verifier.verify(BODY.replace(b"30.0", b"30"), sign(BODY))
    assert not verifier.verify(BODY.replace(b"\\/", b"/"), sign(BODY))


def test_one_of_several_keys_has_to_fit():
    both = Verifier([public(key(1)), public(key())])
    assert both.verify(BODY, sign(BODY))
    assert both.verify(BODY, sign(BODY, key(1)))
    assert not both.verify(BODY, sign(BODY, key(2)))


@pytest.mark.parametrize("text", [None, "", "=", "ö", "AAAA", "not base64!", "A" * 344])
def test_anything_else_is_not_a_signature(text):
    assert not Verifier(public(key())).verify(BODY, text)
    assert not Verifier(public(key())).verify(b"", text)


def test_signature_has_one_spelling():
    signature, verifier = sign(BODY), Verifier(public(key()))
    other = chr(ord(signature[-3]) + 1)  # bits that a lenient decoder drops
    for each in (
        signature[:-3] + other + "==",
        f" {signature}",
        f"{signature}\n",
        f"{signature}=",
        signature[:-1],
        f"{signature[:4]}\n{signature[4:]}",
        f"{signature[:4]}-{signature[4:]}",
    ):
        assert not verifier.verify(BODY, each)


def test_key_has_to_be_rsa_of_2048_bits():
    curve = ec.generate_private_key(ec.SECP256R1())
    for bad in (
        public(curve),
        public(key(bits=1024)),
        "",
        "MIIB",
        "ö",
        5,
        ["x"],
        [public(key()), ""],
    ):
        with pytest.raises(ValidationError, match="public_key"):
            Verifier(bad)  # type: ignore[arg-type]
    with pytest.raises(ValidationError, match="a key or None"):
        Verifier([])
    with pytest.raises(ValidationError, match="1024"):
        Verifier(public(key(bits=1024)))
    with pytest.raises(ValidationError, match="EC"):
        Verifier(public(curve))
    der = base64.b64decode(public(key()))
    with pytest.raises(ValidationError, match="an RSA public key of at least 2,048 bits, in PEM"):
        Verifier(base64.b64encode(der[:-1]).decode())


def test_header_is_the_documented_one():
    assert SIGNATURE_HEADER == "X-Cliq-Signature"


def test_key_that_is_not_valid_is_described():
    limit = "an RSA public key of at least 2,048 bits, in PEM or as base64 of its DER form"
    curve = public(ec.generate_private_key(ec.SECP256R1()))
    junk = f"{public(key())[:8]}!{public(key())[8:]}"
    for bad, given in (
        (5, 5),
        ("MIIB", "MIIB"),
        (junk, ValidationError("", "", junk).given),
        (curve, "ECPublicKey"),
        (public(key(bits=1024)), 1024),
    ):
        with pytest.raises(ValidationError) as raised:
            Verifier(bad)  # type: ignore[arg-type]
        error = raised.value
        assert (error.field, error.limit, error.given) == ("public_key", limit, given)
    with pytest.raises(ValidationError, match=r"^public_key: a key or None, got \(\)$"):
        Verifier([])
