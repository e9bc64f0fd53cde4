"""The evidence bundle on its way to the reader, who has the keys of the site another way."""

from __future__ import annotations

import base64
import io
import json
import struct
import warnings
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app import seal
from app.attack.files import without_last_page
from app.attack.model import Catalogue, Detector, Family, Means
from app.attack.scene import Scene
from audit import bundle, verifier
from audit.keys import ExportSigner, SiteKeys
from documents import sealing

BUNDLE = Catalogue(Family.BUNDLE, Means.TRANSPORT)
Files = dict[str, bytes]
WITNESS = "attack.example/witness"
STOLEN = (Means.EXPORT_KEY,)


@BUNDLE.found_by(Detector.BUNDLE)
def byte_flipped(scene: Scene) -> None:
    """One byte of the PDF in the bundle is changed."""
    files = unpacked(scene.bundle)
    data = files[verifier.RECORD_PDF]
    files[verifier.RECORD_PDF] = data[:-9] + bytes([data[-9] ^ 1]) + data[-8:]
    scene.bundle = packed(files)


@BUNDLE.found_by(Detector.BUNDLE)
def file_removed(scene: Scene) -> None:
    """A file of the bundle is removed."""
    files = unpacked(scene.bundle)
    del files[verifier.PROOFS]
    scene.bundle = packed(files)


@BUNDLE.found_by(Detector.BUNDLE)
def file_added(scene: Scene) -> None:
    """A file that nobody issued is added."""
    scene.bundle = packed({**unpacked(scene.bundle), "note.txt": b"all is well\n"})


@BUNDLE.found_by(Detector.BUNDLE, means=STOLEN)
def entry_dropped(scene: Scene) -> None:
    """An entry is dropped and the manifest signed anew with the stolen export key."""
    _with_lines(scene, lambda lines: lines[: len(lines) // 2] + lines[len(lines) // 2 + 1 :])


@BUNDLE.found_by(Detector.BUNDLE, means=STOLEN)
def last_entries_dropped(scene: Scene) -> None:
    """The last entries are dropped and the manifest signed anew with the stolen export key."""
    _with_lines(scene, lambda lines: lines[:-2])


@BUNDLE.found_by(Detector.BUNDLE, means=STOLEN)
def entry_spliced_in(scene: Scene) -> None:
    """An entry stands in the bundle twice, the manifest signed anew with the stolen export key."""
    _with_lines(scene, lambda lines: [*lines[:4], lines[2], *lines[5:]])


@BUNDLE.found_by(Detector.BUNDLE, means=STOLEN)
def record_json_exchanged(scene: Scene) -> None:
    """The record for machines is changed and the manifest signed anew with the export key."""
    files = unpacked(scene.bundle)
    told = json.loads(files[verifier.RECORD_JSON])
    told["title"] = "another record"
    files[verifier.RECORD_JSON] = json.dumps(told).encode()
    _signed_anew(scene, files, scene.keys)


@BUNDLE.found_by(Detector.BUNDLE, means=(Means.EXPORT_KEY, Means.SEAL_KEY))
def pdf_changed_and_sealed_with_the_stolen_key(scene: Scene) -> None:
    """A changed PDF is sealed with the site's own sealing key and bundled with its export key; no
    entry says that it was issued."""
    key = seal.open_or_make(scene.settings.keys, "", at=scene.loot.left_at)
    cut = without_last_page(scene.pdf)
    files = unpacked(scene.bundle)
    files[verifier.RECORD_PDF] = sealing.seal_pdf(cut, key=key, at=scene.loot.left_at)
    _signed_anew(scene, files, scene.keys)


@BUNDLE.found_by(Detector.BUNDLE)
def sealed_with_other_keys(scene: Scene) -> None:
    """The attacker signs the manifest with a key of his own and puts that key into the bundle."""
    files = unpacked(scene.bundle)
    signer = ExportSigner(Ed25519PrivateKey.generate())
    told = json.loads(files[verifier.SITE_KEYS])
    told["export"] = [
        {"key_id": signer.key_id, "public": base64.b64encode(signer.public).decode("ascii")}
    ]
    files[verifier.SITE_KEYS] = verifier.envelope_bytes(told)
    _signed_anew(scene, files, replace(scene.keys, export=signer))


@BUNDLE.found_by(Detector.BUNDLE)
def name_in_the_zip_twice(scene: Scene) -> None:
    """The zip holds a second file of the same name, so that two readers see two records."""
    target = io.BytesIO()
    files = [*unpacked(scene.bundle).items(), (verifier.RECORD_JSON, b"{}")]
    with warnings.catch_warnings(), zipfile.ZipFile(target, "w") as archive:
        warnings.simplefilter("ignore", UserWarning)
        for name, data in files:
            archive.writestr(name, data)
    scene.bundle = target.getvalue()


@BUNDLE.found_by(Detector.BUNDLE, means=STOLEN)
def cosignatures_stripped(scene: Scene) -> None:
    """The cosignature of the log witness, which the reader asks for, is taken off."""
    cosigned, scene.trust = with_cosignature(scene)
    files = unpacked(cosigned)
    signed = files[verifier.CHECKPOINT].decode().splitlines(keepends=True)
    files[verifier.CHECKPOINT] = "".join(signed[:-1]).encode()
    _signed_anew(scene, files, scene.keys)


@BUNDLE.found_by(Detector.BUNDLE)
def zipped_again_with_another_manifest(scene: Scene) -> None:
    """The manifest is written anew for a changed file; its signature stays the old one."""
    files = unpacked(scene.bundle)
    envelope = json.loads(files[verifier.MANIFEST])
    statement = json.loads(base64.b64decode(envelope["payload"]))
    files["README.txt"] = b"nothing to see here\n"
    for subject in statement["subject"]:
        if subject["name"] == "README.txt":
            subject["digest"]["sha256"] = verifier.sha256(files["README.txt"]).hex()
    envelope["payload"] = _base64(verifier.envelope_bytes(statement))
    files[verifier.MANIFEST] = verifier.envelope_bytes(envelope)
    scene.bundle = packed(files)


@BUNDLE.found_by(Detector.BUNDLE, means=STOLEN)
def version_of_the_format_set_back(scene: Scene) -> None:
    """The proofs claim an older version of the format, in which less would be checked."""
    files = unpacked(scene.bundle)
    told = json.loads(files[verifier.PROOFS])
    told["v"] = 0
    files[verifier.PROOFS] = verifier.envelope_bytes(told)
    _signed_anew(scene, files, scene.keys)


@BUNDLE.found_by(Detector.BUNDLE)
def bytes_hidden_in_the_zip(scene: Scene) -> None:
    """Bytes that belong to no file are hidden behind the last one."""
    at = scene.bundle.rindex(b"PK\x05\x06")
    size, start = struct.unpack_from("<II", scene.bundle, at + 12)
    end = scene.bundle[at : at + 12] + struct.pack("<II", size, start + 4) + scene.bundle[at + 20 :]
    scene.bundle = scene.bundle[:start] + b"evil" + scene.bundle[start:at] + end


@BUNDLE.found_by(Detector.BUNDLE, means=(Means.EXPORT_KEY, Means.SERVER))
def entry_changed_with_every_server_key(scene: Scene) -> None:
    """A signed entry is changed, the chain of the bundle computed and its manifest signed anew."""

    def changed(lines: list[bytes]) -> list[bytes]:
        made, previous, touched = [], None, False
        for line in lines:
            data = json.loads(line)
            if data["signed"] and not touched:
                data["signed"][0]["content"]["object"], touched = "another", True
            data["prev"] = previous
            made.append(verifier.canonical_bytes(data))
            previous = verifier.sha256(made[-1]).hex()
        return made

    _with_lines(scene, changed)


def unpacked(data: bytes) -> Files:
    """The files of a bundle by name."""
    return verifier.read_zip(data)


def packed(files: Mapping[str, bytes]) -> bytes:
    """A bundle of these files."""
    target = io.BytesIO()
    bundle.write_zip(target, files)
    return target.getvalue()


def with_cosignature(scene: Scene) -> tuple[bytes, dict[str, Any]]:
    """The bundle as a log witness made it better, and the trust of a reader who asks for one."""
    key = Ed25519PrivateKey.generate()
    public, seconds = key.public_key().public_bytes_raw(), 1_800_000_000
    hashed = verifier.note_key_hash(WITNESS, public, verifier.OF_WITNESS)
    files = unpacked(scene.bundle)
    note = files[verifier.CHECKPOINT].decode()
    signed = key.sign(verifier.cosigned_bytes(verifier.CheckpointNote(note).text, seconds))
    line = _base64(hashed + seconds.to_bytes(8, "big") + signed)
    files[verifier.CHECKPOINT] = f"{note}{verifier.NOTE_SIGNATURE}{WITNESS} {line}\n".encode()
    made = _signed(files, scene.keys)
    vkey = f"{WITNESS}+{hashed.hex()}+{_base64(verifier.OF_WITNESS + public)}"
    return made, {**scene.trust, "witness": [vkey], "quorum": 1}


def _with_lines(scene: Scene, change: Callable[[list[bytes]], list[bytes]]) -> None:
    files = unpacked(scene.bundle)
    lines = change(files[verifier.ENTRIES].splitlines())
    files[verifier.ENTRIES] = b"".join(line + b"\n" for line in lines)
    last = {"entries": len(lines), "last_sha256": verifier.sha256(lines[-1]).hex()}
    _signed_anew(scene, files, scene.keys, **last)


def _signed_anew(scene: Scene, files: Files, keys: SiteKeys, **told: Any) -> None:
    scene.bundle = _signed(files, keys, **told)


def _signed(files: Files, keys: SiteKeys, **told: Any) -> bytes:
    """Name the files as they are now and sign that with the key at hand."""
    envelope = json.loads(files.pop(verifier.MANIFEST))
    statement = json.loads(base64.b64decode(envelope["payload"]))
    about = {**statement["predicate"], **told}
    manifest = bundle.sealed(files, statement["predicateType"], about, keys)
    return packed({**files, verifier.MANIFEST: manifest})


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
