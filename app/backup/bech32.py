"""Bech32 (BIP 173) without its limit of length, as age writes its keys."""

from __future__ import annotations

LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


def encode(purpose: str, data: bytes) -> str:
    """`data` as lower-case text that begins with `purpose` and ends with a check."""
    values = _regrouped(data, 8, 5, pad=True)
    check = _polymod([*_expanded(purpose), *values, 0, 0, 0, 0, 0, 0]) ^ 1
    values += [(check >> 5 * (5 - place)) & 31 for place in range(6)]
    return f"{purpose}1{''.join(LETTERS[value] for value in values)}"


def decode(text: str) -> tuple[str, bytes]:
    """Purpose and data of lower-case text; ValueError for a wrong letter or check."""
    purpose, _, rest = text.rpartition("1")
    values = [LETTERS.find(letter) for letter in rest]
    if not purpose or len(values) < 6 or -1 in values:
        raise ValueError("the key has letters that no key has, or is too short")
    if _polymod([*_expanded(purpose), *values]) != 1:
        raise ValueError("the key has a typing error: its check does not fit")
    return purpose, bytes(_regrouped(values[:-6], 5, 8, pad=False))


def _expanded(purpose: str) -> list[int]:
    codes = [ord(letter) for letter in purpose]
    return [*(code >> 5 for code in codes), 0, *(code & 31 for code in codes)]


def _polymod(values: list[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, step in enumerate(GENERATOR):
            check ^= step if top >> bit & 1 else 0
    return check


def _regrouped(values: bytes | list[int], of: int, to: int, *, pad: bool) -> list[int]:
    held = bits = 0
    found = []
    for value in values:
        held = (held << of | value) & 0xFFFF
        bits += of
        while bits >= to:
            bits -= to
            found.append(held >> bits & (1 << to) - 1)
    if pad and bits:
        found.append(held << (to - bits) & (1 << to) - 1)
    elif not pad and (bits >= of or held & (1 << bits) - 1):
        raise ValueError("the key ends with bits that belong to nothing")
    return found
