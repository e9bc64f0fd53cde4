"""Files, machine data and the PDF that leaves the house."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import pikepdf

from app.attack.forging import change, one
from app.attack.model import Catalogue, Detector, Family, Means, NotHere
from app.attack.scene import Scene
from documents import sealing

FILES = Catalogue(Family.FILES, Means.DATABASE)
PDF = Catalogue(Family.PDF, Means.TRANSPORT)
TREND = "application/json"


@FILES.found_by(Detector.FILES)
def attachment_changed(scene: Scene) -> None:
    """The bytes of an attachment are changed, its digest stays."""
    with scene.behind() as database:
        found = one(database, "SELECT id FROM attachment WHERE media_type <> ? ORDER BY id", TREND)
        change(
            database,
            "UPDATE attachment SET data = CAST(data || X'20' AS BLOB) WHERE id=?",
            found[0],
        )


@FILES.found_by(Detector.FILES, Detector.ROWS)
def attachment_changed_with_its_digest(scene: Scene) -> None:
    """An attachment is exchanged, its digest with it."""
    with scene.behind() as database:
        found = one(database, "SELECT id FROM attachment ORDER BY id")
        change(
            database,
            "UPDATE attachment SET data = CAST(data || X'20' AS BLOB), digest=? WHERE id=?",
            "0" * 64,
            found[0],
        )


@FILES.found_by(Detector.FILES)
def trend_of_a_record_changed(scene: Scene) -> None:
    """The trend that was copied into a record is changed."""
    with scene.behind() as database:
        row_id, data = one(
            database, "SELECT id, data FROM attachment WHERE media_type = ? ORDER BY id", TREND
        )
        body = json.loads(data)
        body["points"][-1][1] = "0"
        change(
            database, "UPDATE attachment SET data=? WHERE id=?", json.dumps(body).encode(), row_id
        )


@FILES.found_by(Detector.FILES)
def issued_document_changed(scene: Scene) -> None:
    """The stored PDF of a record is changed."""
    with scene.behind() as database:
        found = one(database, "SELECT id FROM issued_document ORDER BY id")
        change(
            database,
            "UPDATE issued_document SET data = CAST(data || X'0A' AS BLOB) WHERE id=?",
            found[0],
        )


@FILES.found_by(Detector.FILES)
def content_of_a_document_emptied(scene: Scene) -> None:
    """The data that a PDF was made from are removed."""
    with scene.behind() as database:
        found = one(
            database, "SELECT id FROM issued_document WHERE length(content) > 0 ORDER BY id"
        )
        change(database, "UPDATE issued_document SET content = X'' WHERE id=?", found[0])


@FILES.found_by(Detector.TRENDS, means=(Means.FILES,))
def sample_changed_in_the_historian(scene: Scene) -> None:
    """A sample behind a trend is changed in the historian."""
    tag, at = _sample(scene)
    with scene.machine_data() as historian:
        change(historian, "UPDATE sample SET value='0' WHERE tag=? AND ts=?", tag, at)


@FILES.found_by(Detector.TRENDS, means=(Means.FILES,))
def sample_deleted_from_the_historian(scene: Scene) -> None:
    """A sample behind a trend is deleted from the historian."""
    tag, at = _sample(scene)
    with scene.machine_data() as historian:
        change(historian, "DELETE FROM sample WHERE tag=? AND ts=?", tag, at)


@FILES.by_design(
    "the historian keeps what no record needs, too: until a step takes a value or a trend into its"
    " record, a sample is only a sample",
    means=(Means.FILES,),
)
def sample_of_no_record_changed(scene: Scene) -> None:
    """A sample that stands in no record is changed in the historian."""
    tag, _ = _sample(scene)
    with scene.machine_data() as historian:
        one(historian, "SELECT 1 FROM sample WHERE tag=?", tag)
        historian.execute(
            "INSERT INTO sample SELECT tag, ts - 86400000000, seq, '0', raw, status, status_name,"
            " reasons, source_us, server_us, received_us, session, map_version FROM sample"
            " WHERE tag=? ORDER BY ts LIMIT 1",
            [tag],
        )


@PDF.found_by(Detector.SEAL)
def byte_of_the_pdf_changed(scene: Scene) -> None:
    """One byte of the sealed PDF is changed."""
    at = len(scene.pdf) // 2
    scene.pdf = scene.pdf[:at] + bytes([scene.pdf[at] ^ 1]) + scene.pdf[at + 1 :]


@PDF.found_by(Detector.SEAL)
def pdf_updated_after_the_seal(scene: Scene) -> None:
    """A change is appended to the sealed PDF, which leaves the sealed bytes as they are."""
    # An object of its own behind the end, with a table that leads to the former one.
    before = scene.pdf
    start = before.rindex(b"startxref") + len(b"startxref")
    former = int(before[start:].split()[0])
    at = len(before) + 1
    added = b"\n99999 0 obj\n(another number)\nendobj\n"
    table = f"xref\n99999 1\n{at:010d} 00000 n \ntrailer\n<</Size 100000/Prev {former}"
    root = before[before.rindex(b"/Root") :].split(b"R", 2)
    trailer = f"{table}".encode() + b"/Root" + root[1].removeprefix(b"oot") + b"R>>\n"
    scene.pdf = before + added + trailer + f"startxref\n{len(before + added)}\n%%EOF\n".encode()


@PDF.found_by(Detector.SEAL)
def page_of_the_pdf_replaced(scene: Scene) -> None:
    """The last page is replaced by an empty one and the file written anew."""
    scene.pdf = without_last_page(scene.pdf)


@PDF.found_by(Detector.SEAL)
def pdf_sealed_by_somebody_else(scene: Scene) -> None:
    """A changed PDF gets a seal of the attacker, whose certificate bears the name of the site."""
    key = sealing.make_site_certificate("Site", at=datetime.now(UTC))
    scene.pdf = sealing.seal_pdf(without_last_page(scene.pdf), key=key, at=datetime.now(UTC))


def without_last_page(pdf: bytes) -> bytes:
    """The PDF with an empty last page, written anew without its seal."""
    target = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf)) as document:
        del document.pages[-1]
        document.add_blank_page(page_size=(595, 842))
        for name in ("/AcroForm", "/Perms"):
            if name in document.Root:
                del document.Root[name]
        for page in document.pages:
            if "/Annots" in page:
                del page["/Annots"]
        document.save(target)
    return target.getvalue()


def _sample(scene: Scene) -> tuple[str, int]:
    """Tag and time of a good sample inside a sealed trend."""
    with scene.behind() as database:
        (data,) = one(database, "SELECT data FROM attachment WHERE media_type = ?", TREND)
    body = json.loads(data)
    with scene.machine_data() as historian:
        for at, value in reversed(body["points"]):
            when = datetime.fromisoformat(at)
            micros = round(when.timestamp() * 1_000_000)
            row = historian.execute(
                "SELECT ts FROM sample WHERE tag=? AND ts=? AND value=?",
                [body["tag"], micros, value],
            ).fetchone()
            if row is not None:
                return body["tag"], micros
    raise NotHere("no sample of a trend is in the historian")
