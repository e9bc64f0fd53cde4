"""GS1 identifiers and element strings as our labels carry them, and what a scanner sends back.

Keys used: SSCC (00) for logistic units and containers, GTIN (01) with lot (10), expiry (17) and
net weight in kilograms (310n). Everything that is not GS1 (PA-0411, P-101, GRA-01, 1.04) is a
plain code. A code that claims to be GS1 and carries a wrong check digit is refused, never taken
for a plain one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from biip import ParseConfig, ParseError
from biip.gs1_element_strings import GS1ElementString
from biip.gs1_messages import GS1Message

from documents.errors import CodeNotPrintable, CodeUnreadable

GROUP_SEPARATOR = "\x1d"
"""FNC1 as scanners send it between elements of variable length."""

# ISO/IEC 15424 prefixes of symbols that carry GS1 element strings, and of those with a bare GTIN.
_GS1_SYMBOLS = ("]C1", "]e0", "]e1", "]e2", "]d2", "]Q3", "]J1")
_GTIN_SYMBOLS = ("]E0", "]E4", "]I1")
_PREFIX = re.compile(r"\][A-Za-z][0-9A-Za-z]")
_BRACKETED = re.compile(r"\((\d{2,4})\)")
# Keyboards swallow the control character, so terminals may be set to send one of these instead.
_SEPARATORS = (GROUP_SEPARATOR, "\u241d", "{GS}", "<GS>")
# The set of AI 10 without the brackets, which mark identifiers in the printed form.
_LOT = re.compile(r"[!\"%-'*-/0-9:-?A-Z_a-z]{1,20}")
_PLAIN = re.compile(r"[^\x00-\x1f\x7f]{1,120}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannedCode:
    """What a scan means. `text` is the identifier to look up; the rest is set for GS1 only.

    `net_weight_kg` keeps the printed decimals; `expiry` is the last day of use (AI 17).
    """

    text: str
    sscc: str | None = None
    gtin: str | None = None
    lot: str | None = None
    expiry: date | None = None
    net_weight_kg: Decimal | None = None

    @property
    def is_gs1(self) -> bool:
        """Whether the scan carried GS1 data."""
        return self.sscc is not None or self.gtin is not None or self.lot is not None


def check_digit(digits: str) -> str:
    """The GS1 modulo-10 check digit for the digits before it."""
    if not digits.isascii() or not digits.isdigit():
        raise CodeNotPrintable(f"a GS1 key holds digits only, not {digits!r}")
    weighted = (int(d) * (3 if i % 2 == 0 else 1) for i, d in enumerate(reversed(digits)))
    return str(-sum(weighted) % 10)


def make_sscc(company_prefix: str, serial: int, *, extension: int = 0) -> str:
    """An SSCC of 18 digits: extension digit, company prefix, serial reference, check digit."""
    room = 16 - len(company_prefix)
    if not (0 <= extension <= 9 and room > 0 and 0 <= serial < 10**room):
        raise CodeNotPrintable(f"serial {serial} does not fit an SSCC of prefix {company_prefix}")
    body = f"{extension}{company_prefix}{serial:0{room}d}"
    return body + check_digit(body)


def has_valid_check_digit(key: str) -> bool:
    """Whether the last digit of a GTIN or SSCC fits the others."""
    return key.isascii() and key.isdigit() and len(key) > 1 and check_digit(key[:-1]) == key[-1]


def sscc_elements(sscc: str) -> str:
    """``(00)`` element string of a container; `CodeNotPrintable` when the key is wrong."""
    if len(sscc) != 18 or not has_valid_check_digit(sscc):
        raise CodeNotPrintable(f"{sscc} is not an SSCC of 18 digits with its check digit")
    return f"(00){sscc}"


def goods_elements(
    gtin: str, *, lot: str, expiry: date | None = None, net_weight_kg: Decimal | None = None
) -> str:
    """``(01)(310n)(17)(10)`` element string of a lot; fixed lengths first, the lot last."""
    if len(gtin) != 14 or not has_valid_check_digit(gtin):
        raise CodeNotPrintable(f"{gtin} is not a GTIN of 14 digits with its check digit")
    if not _LOT.fullmatch(lot):
        raise CodeNotPrintable(f"lot {lot!r} does not fit AI 10 (20 characters of the GS1 set)")
    weight = _weight_element(net_weight_kg) if net_weight_kg is not None else ""
    until = f"(17){expiry:%y%m%d}" if expiry else ""
    return f"(01){gtin}{weight}{until}(10){lot}"


def _weight_element(kilograms: Decimal) -> str:
    exponent = kilograms.as_tuple().exponent
    decimals = max(0, -exponent) if isinstance(exponent, int) else 9
    scaled = kilograms.scaleb(decimals)
    if decimals > 5 or not 0 <= scaled < 1_000_000:
        raise CodeNotPrintable(f"{kilograms} kg does not fit the six digits of AI 310n")
    return f"(310{decimals}){int(scaled):06d}"


def parse_scan(raw: str) -> ScannedCode:
    """What a scanner sent or a person typed; `CodeUnreadable` when it is damaged or empty.

    Accepts a symbology prefix, FNC1 as group separator or its usual stand-ins, the bracketed
    form as printed under the code, and bare SSCC or GTIN digits with a right check digit.
    """
    prefix, body = _split_prefix(raw)
    if prefix in _GS1_SYMBOLS:
        return _from_message(_unbracketed(body))
    if prefix in _GTIN_SYMBOLS:
        return _from_key(body)
    if _BRACKETED.match(body):
        return _from_message(_unbracketed(body))
    if GROUP_SEPARATOR in body or _looks_like_elements(body):
        return _from_message(body)
    if body.isascii() and body.isdigit() and len(body) in (13, 14, 18):
        return _from_key(body)
    if not _PLAIN.fullmatch(body):
        raise _unreadable(
            f"the code holds {len(body)} characters or signs that no label of ours has"
        )
    return ScannedCode(text=body)


def _split_prefix(raw: str) -> tuple[str, str]:
    text = raw.strip(" \t\r\n")
    for stand_in in _SEPARATORS[1:]:
        text = text.replace(stand_in, GROUP_SEPARATOR)
    found = _PREFIX.match(text)
    prefix = found.group() if found else ""
    body = text[len(prefix) :].strip(" " + GROUP_SEPARATOR)
    if not body:
        raise _unreadable("the scan is empty")
    return prefix, body


def _looks_like_elements(body: str) -> bool:
    # Without prefix and separator only our own fixed shapes count; a batch number of digits
    # must not be read as an application identifier.
    return bool(re.match(r"00\d{18}$|01\d{14}(?:10|17\d{6}|310[0-5]\d{6})", body))


def _unbracketed(body: str) -> str:
    """The scanned form of a printed ``(AI)value(AI)value``: a separator after each value."""
    if not _BRACKETED.match(body):
        return body
    pieces = _BRACKETED.split(body)[1:]
    pairs = zip(pieces[::2], pieces[1::2], strict=True)
    return "".join(f"{ai}{value.strip()}{GROUP_SEPARATOR}" for ai, value in pairs).rstrip(
        GROUP_SEPARATOR
    )


def _from_message(body: str) -> ScannedCode:
    try:
        message = GS1Message.parse(body, config=ParseConfig(separator_chars=(GROUP_SEPARATOR,)))
    except ParseError as error:
        raise _unreadable(f"the GS1 code is damaged: {error}") from error
    elements = {each.ai.ai: each for each in message.element_strings}
    _refuse_wrong_keys(elements)
    return _meaning(elements)


def _refuse_wrong_keys(elements: dict[str, GS1ElementString]) -> None:
    # The library answers with a message and a separate error text for a wrong check digit.
    for each in elements.values():
        error = each.gtin_error or each.sscc_error or each.gln_error
        if error:
            raise _unreadable(f"wrong key in ({each.ai.ai}): {error}")


def _meaning(elements: dict[str, GS1ElementString]) -> ScannedCode:
    sscc, gtin, lot = (elements[ai].value if ai in elements else None for ai in ("00", "01", "10"))
    text = sscc or lot or gtin
    if text is None:
        raise _unreadable(f"the GS1 code holds no SSCC, GTIN or lot, only {', '.join(elements)}")
    weight = next((each.decimal for ai, each in elements.items() if ai.startswith("310")), None)
    expiry = elements["17"].date if "17" in elements else None
    return ScannedCode(
        text=text, sscc=sscc, gtin=gtin, lot=lot, expiry=expiry, net_weight_kg=weight
    )


def _from_key(body: str) -> ScannedCode:
    if not has_valid_check_digit(body):
        raise _unreadable(f"wrong check digit in {body}")
    if len(body) == 18:
        return ScannedCode(text=body, sscc=body)
    return ScannedCode(text=body.zfill(14), gtin=body.zfill(14))


def _unreadable(fact: str) -> CodeUnreadable:
    return CodeUnreadable(fact, resolver="scan again, or type the text printed under the code")
