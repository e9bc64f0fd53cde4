"""Ed25519 by hand and by library agree; keys and encodings are read strictly."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import verifier
from audit.verifier import Invalid

# RFC 8032, section 7.1, tests 1 and 2
RFC_8032 = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e397"
        "01cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f361"
        "3d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
]


@pytest.mark.parametrize(("public", "message", "signature"), RFC_8032)
def test_the_examples_of_the_standard_verify_by_hand(
    public: str, message: str, signature: str
) -> None:
    key, signed, text = (bytes.fromhex(part) for part in (public, signature, message))
    assert verifier.ed25519_by_hand(key, signed, text)
    verifier.check_ed25519(key, signed, text, "example")


@pytest.mark.parametrize("byte", [0, 31, 32, 63])
def test_a_changed_signature_is_bad_by_hand_and_by_library(byte: int) -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    public, signature = key.public_key().public_bytes_raw(), bytearray(key.sign(b"text"))
    assert verifier.ed25519_by_hand(public, bytes(signature), b"text")
    assert not verifier.ed25519_by_hand(public, bytes(signature), b"test")
    signature[byte] ^= 1
    assert not verifier.ed25519_by_hand(public, bytes(signature), b"text")
    with pytest.raises(Invalid):
        verifier.check_ed25519(public, bytes(signature), b"text", "here")


def test_a_signature_with_a_scalar_beyond_the_order_is_bad() -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    public, signature = key.public_key().public_bytes_raw(), key.sign(b"text")
    scalar = int.from_bytes(signature[32:], "little") + verifier.ORDER
    twisted = signature[:32] + scalar.to_bytes(32, "little")
    assert not verifier.ed25519_by_hand(public, twisted, b"text")


def test_a_key_that_is_no_point_is_bad() -> None:
    assert not verifier.ed25519_by_hand(b"\xff" * 32, bytes(64), b"")


@pytest.mark.parametrize("text", ["AP8", "AP8=\n", "AP9=x", "AP+_", "AB==", 3])
def test_base64_has_one_spelling(text: object) -> None:
    assert verifier.base64_bytes("AP8=", "here") == b"\x00\xff"
    with pytest.raises(Invalid):
        verifier.base64_bytes(text, "here")


def test_a_key_with_a_plus_inside_its_base64_is_read() -> None:
    for seed in range(200):
        public = (
            Ed25519PrivateKey.from_private_bytes(seed.to_bytes(32, "big"))
            .public_key()
            .public_bytes_raw()
        )
        encoded = base64.b64encode(b"\x01" + public).decode()
        if "+" in encoded:
            break
    else:
        pytest.fail("no key with a plus found")
    name = "batchwright/werk"
    vkey = f"{name}+{verifier.note_key_hash(name, public).hex()}+{encoded}"
    assert verifier.LogKey(vkey).public == public
    with pytest.raises(Invalid):
        verifier.LogKey(vkey.replace("werk", "work"))


@pytest.mark.parametrize("data", [b'{"a":1,"a":2}', b'{"a":1.5}', b'{"a":NaN}', b"\xff", b"{"])
def test_loose_json_is_refused(data: bytes) -> None:
    with pytest.raises(Invalid):
        verifier.strict_json(data, "file")
