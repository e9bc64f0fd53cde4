"""Labels are read back from the printed page by an independent reader."""

from __future__ import annotations

import subprocess
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import pikepdf
import pytest
import zxingcpp
from jinja2 import Environment
from PIL import Image

from documents import gs1, labels
from documents.errors import CodeNotPrintable
from documents.fonts import FontSet
from documents.labels import DispensedContainer, GoodsContainer, Label, Stock
from documents.views import Fact

AT = datetime(2026, 10, 22, 9, 30, tzinfo=UTC)
ZONE = "Europe/Berlin"


def dispensed(**changes: Any) -> DispensedContainer:
    values: dict[str, Any] = {
        "sscc": gs1.make_sscc("9521234", 7001),
        "item_code": "200130",
        "item_name": "Croscarmellose sodium",
        "lot": "CC-0802",
        "net_kg": Decimal("1.500"),
        "tare_kg": Decimal("0.212"),
        "gross_kg": Decimal("1.712"),
        "batch": "B-2045",
        "operation": "G060",
        "number": 1,
        "of": 2,
        "weighed_by": "Ravi Menon (P-104)",
        "weighed_at": AT,
        "use_before": AT + timedelta(hours=72),
        "portion": "INSIDE",
    }
    return DispensedContainer(**{**values, **changes})


def all_kinds() -> list[Label]:
    drum = GoodsContainer(
        sscc="095212340000001010",
        item_code="100010",
        item_name="Paracetamol, fine powder",
        lot="PA-0411",
        net_kg=Decimal("25.00"),
        number=1,
        of=2,
        expiry=date(2027, 2, 25),
        status="RELEASED",
    )
    room = [Fact(label="Room", value="1.12")]
    return [
        labels.dispensed_label(dispensed(), zone=ZONE),
        labels.goods_label(drum),
        labels.lot_label(
            gtin="09521234500018",
            item_code="100010",
            item_name="Paracetamol, fine powder",
            lot="PA-0411",
            expiry=date(2027, 2, 25),
        ),
        labels.plain_label(kind="Badge", code="P-103", headline="Tomasz Wójcik", detail="Operator"),
        labels.plain_label(kind="Equipment", code="GRA-01", headline="GRA-01", facts=room),
        labels.plain_label(kind="Room", code="1.04", headline="1.04", detail="Dispensary"),
    ]


def printed(items: list[Label], stock: Stock, environment: Environment, fonts: FontSet) -> bytes:
    return labels.labels_pdf(
        items,
        environment=environment,
        fonts=fonts,
        stock=stock,
        title="Labels",
        language="en",
        site_name="Demo Plant North",
        site_mode="DEMONSTRATION",
        created=AT,
    )


def pictures(pdf: bytes, folder: Path) -> list[Image.Image]:
    """The pages as a label printer of 203 dots per inch draws them."""
    (folder / "labels.pdf").write_bytes(pdf)
    command = ["pdftoppm", "-r", "203", "-png", str(folder / "labels.pdf"), str(folder / "page")]
    subprocess.run(command, check=True)
    return [Image.open(path) for path in sorted(folder.glob("page*.png"))]


@pytest.mark.urs("URS-MAT-040")
def test_every_label_is_read_back_from_its_own_page(
    environment: Environment, fonts: FontSet, tmp_path: Path
) -> None:
    items = all_kinds()
    pages = pictures(printed(items, Stock.SINGLE, environment, fonts), tmp_path)
    read = [zxingcpp.read_barcodes(page) for page in pages]
    assert [len(found) for found in read] == [1] * len(items)
    for item, (found,) in zip(items, read, strict=True):
        scanned = gs1.parse_scan(found.symbology_identifier + found.bytes.decode())
        assert scanned == gs1.parse_scan(item.code_text)
        assert scanned.is_gs1 == item.code_text.startswith("(")


def test_a_sheet_carries_eight_labels_a_page_that_all_read(
    environment: Environment, fonts: FontSet, tmp_path: Path
) -> None:
    items = [
        labels.plain_label(kind="Bin", code=f"IBC-{n:02d}", headline=f"IBC-{n:02d}")
        for n in range(1, 11)
    ]
    pages = pictures(printed(items, Stock.SHEET, environment, fonts), tmp_path)
    read = [{found.text for found in zxingcpp.read_barcodes(page)} for page in pages]
    assert read == [{f"IBC-{n:02d}" for n in range(1, 9)}, {"IBC-09", "IBC-10"}]


def test_a_single_label_is_100_by_70_millimetres(environment: Environment, fonts: FontSet) -> None:
    pdf = pikepdf.open(BytesIO(printed(all_kinds(), Stock.SINGLE, environment, fonts)))
    assert len(pdf.pages) == len(all_kinds())
    for page in pdf.pages:
        width, height = (float(x) / 72 * 25.4 for x in page.MediaBox[2:])
        assert (round(width, 1), round(height, 1)) == (100.0, 70.0)


@pytest.mark.urs("URS-MAT-040")
def test_a_dispensed_container_says_everything_in_words(
    environment: Environment, fonts: FontSet
) -> None:
    label = labels.dispensed_label(dispensed(), zone=ZONE)
    pdf = printed([label], Stock.SINGLE, environment, fonts)
    text = subprocess.run(
        ["pdftotext", "-layout", "-", "-"],
        input=pdf,
        capture_output=True,
        check=True,
    ).stdout.decode()
    for part in (
        "Croscarmellose sodium",
        "Item 200130 · Lot CC-0802",
        "1.500 kg",
        "0.212 · 1.712 kg",
        "B-2045 · G060",
        "1 of 2",
        "Ravi Menon (P-104)",
        "2026-10-22 11:30:00 +02:00",
        "2026-10-25 10:30:00 +01:00",
        "INSIDE",
        label.code_text,
        "DEMONSTRATION",
    ):
        assert part in text


def test_weights_that_do_not_add_up_are_not_printed() -> None:
    with pytest.raises(CodeNotPrintable):
        labels.dispensed_label(dispensed(gross_kg=Decimal("1.711")), zone=ZONE)


def test_a_container_with_a_wrong_sscc_is_not_printed() -> None:
    with pytest.raises(CodeNotPrintable):
        labels.dispensed_label(dispensed(sscc="095212340000001011"), zone=ZONE)


def test_a_plain_label_must_not_look_like_gs1() -> None:
    with pytest.raises(CodeNotPrintable):
        labels.plain_label(kind="Bin", code="095212340000001010", headline="x")


def test_no_labels_no_document(environment: Environment, fonts: FontSet) -> None:
    with pytest.raises(CodeNotPrintable):
        printed([], Stock.SHEET, environment, fonts)
