"""Bundles and packages by sections 9 and 10 of the evidence format."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from tests.second_verifier import der, keys
from tests.second_verifier.basis import (
    Bad,
    canonical,
    digest,
    exactly,
    items,
    moment,
    need,
    one,
    parse,
    sha,
    spell,
    text,
    unbase64,
    whole,
)
from tests.second_verifier.entries import Signatures, entry, people
from tests.second_verifier.zips import unzip

NEEDED = (
    "keys/site.json keys/people.json log/checkpoint.txt log/consistency.json audit/entries.jsonl"
    " audit/proofs.json snapshot.json readings.jsonl record.json record.pdf"
).split()
PREDICATE = "record entries last_sha256 checkpoint site mode software made_at without"
Files = dict[str, bytes]


@contextmanager
def at(place: str) -> Iterator[None]:
    """Give the problems inside their place."""
    try:
        yield
    except (ValueError, IndexError, KeyError, TypeError, AttributeError) as error:
        raise Bad(place, str(error)) from error


def verify(data: bytes, trust: bytes | None = None) -> str | None:
    """The place of the first problem, or None when VALID; ValueError for a wrong trust file."""
    own = keys.site(parse(trust), more=True) if trust is not None else None
    try:
        files = unzip(data)
        (_package if "index.dsse.json" in files else _bundle)(files, own)
    except Bad as bad:
        return bad.place
    return None


def _envelope(data: bytes, kind: str) -> tuple[dict[str, Any], bytes, dict[str, Any]]:
    envelope = exactly(canonical(data, strict=False), "payloadType payload signatures")
    need(envelope["payloadType"] == "application/vnd.in-toto+json", "payloadType")
    need(1 <= len(items(envelope["signatures"])) <= 100, "signatures")
    for signature in envelope["signatures"]:
        text(exactly(signature, "keyid sig")["keyid"])
        unbase64(signature["sig"])
    payload = unbase64(envelope["payload"])
    said = exactly(canonical(payload, strict=False), "_type predicateType subject predicate")
    need(said["_type"] == "https://in-toto.io/Statement/v1", "_type")
    need(said["predicateType"] == f"urn:batchwright:{kind}:1", "predicateType")
    names = [text(exactly(s, "name digest")["name"]) for s in items(said["subject"])]
    need(names == sorted(set(names)), "names do not rise")
    for subject in said["subject"]:
        digest(exactly(subject["digest"], "sha256")["sha256"])
    return envelope, payload, said


def _frame(p: dict[str, Any]) -> None:
    need(p["mode"] in ("GMP", "DEMONSTRATION"), "mode")
    moment(p["made_at"])
    text(p["site"])
    text(p["software"])


def _site(files: Files, trust: keys.Site | None) -> keys.Site:
    with at("keys/site.json"):
        inside = keys.site(canonical(files["keys/site.json"]), more=False)
        if trust is None:
            return inside
        need(inside.origin == trust.origin, "origin")
        need(set(inside.log) <= set(trust.log), "log keys")
        need(inside.export.items() <= trust.export.items(), "export keys")
        return trust


def _signed(envelope: dict[str, Any], payload: bytes, site: keys.Site) -> None:
    kind = envelope["payloadType"].encode()
    message = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    known = [s for s in envelope["signatures"] if s["keyid"] in site.export]
    for s in known:
        need(keys.good(site.export[s["keyid"]], unbase64(s["sig"]), message), "wrong signature")
    need(known, "no known signature")


def _named(files: Files, said: dict[str, Any], own: str, needed: list[str]) -> None:
    digests = {s["name"]: s["digest"]["sha256"] for s in said["subject"]}
    for name in sorted({*files, *digests, *needed} - {own}):
        with at(name):
            need(name in digests and sha(files[name]) == digests[name], "missing or changed")
    if own in digests:
        raise Bad(own, "names itself")


def _bundle(files: Files, trust: keys.Site | None) -> dict[str, Any]:
    with at("manifest.dsse.json"):
        envelope, payload, said = _envelope(files["manifest.dsse.json"], "evidence")
        p = exactly(said["predicate"], PREDICATE)
        _frame(p)
        text(p["record"])
        whole(p["entries"])
        digest(p["last_sha256"])
        whole(exactly(p["checkpoint"], "origin size root")["size"])
        digest(p["checkpoint"]["root"])
        need(
            [w for w in ("attachments", "trends") if w in items(p["without"])] == p["without"],
            "without",
        )
    site = _site(files, trust)
    with at("manifest.dsse.json"):
        _signed(envelope, payload, site)
    _named(files, said, "manifest.dsse.json", NEEDED)
    with at("log/checkpoint.txt"):
        size, root, cosigned = keys.checkpoint(files["log/checkpoint.txt"], site)
        need(p["checkpoint"] == {"origin": site.origin, "size": size, "root": root.hex()}, "other")
        need(cosigned >= site.quorum, "quorum")
    proven = {(size, root), *_older(files, size, root)}
    _stamps(files, site, proven)
    lines, entries = _entries(files, p)
    _proofs(files, lines, size, root)
    with at("keys/people.json"):
        signatures = Signatures(people(files["keys/people.json"]), lines)
    for e in entries:
        with at(f"audit/entries.jsonl:{e['rseq']}"):
            signatures.check(e)
    with at("snapshot.json"):
        need(files["snapshot.json"] == spell(_snapshot(entries, lines)), "snapshot")
    _record(files, p, entries, proven)
    with at("record.pdf"):
        _seals(files["record.pdf"])
    _held(files, entries, "attachments/", "attachment", "digest", "attachments" in p["without"])
    _held(files, entries, "recipe/", "procedure_run", "file_digest", False)
    with at("readings.jsonl"):
        rows = [(e["rseq"], row) for e in entries for row in _rows(e, "reading")]
        want = b"".join(spell({"entry": n, "reading": row}) + b"\n" for n, row in rows)
        need(files["readings.jsonl"] == want, "readings")
    return p


def _older(files: Files, size: int, root: bytes) -> list[tuple[int, bytes]]:
    found: list[tuple[int, bytes]] = []
    with at("log/consistency.json"):
        value = exactly(canonical(files["log/consistency.json"]), "v size from")
        one(value["v"])
        need(whole(value["size"]) == size, "size")
        items(value["from"])
    for number, item in enumerate(value["from"], 1):
        with at(f"log/consistency.json:{number}"):
            exactly(item, "size root proof")
            old, start = whole(item["size"]), unbase64(item["root"])
            need((found[-1][0] if found else 0) < old < size, "sizes")
            proof = [unbase64(x) for x in items(item["proof"])]
            need(keys.consistent(old, size, start, root, proof), "proof")
            found.append((old, start))
    return found


def _stamps(files: Files, site: keys.Site, proven: set[tuple[int, bytes]]) -> None:
    folder = "log/timestamps/"
    names = sorted(name for name in files if name.startswith(folder))
    alone = replace(site, witness=[], quorum=0)
    for name in names:
        with at(name):
            form = re.fullmatch(folder + r"(0|[1-9]\d{0,17})(\.txt|-(0|[1-9]\d{0,17})\.tsr)", name)
            need(form, "name")
            if not name.endswith(".txt"):
                continue
            size, root, _ = keys.checkpoint(files[name], alone)
            need(name == f"{folder}{size}.txt" and (size, root) in proven, "not proven")
    for name in (n for n in names if n.endswith(".tsr")):
        with at(name):
            match = re.fullmatch(folder + r"(\d+)-\d+\.tsr", name)
            need(match, "name")
            assert match
            der.check_response(files[name], files[f"{folder}{match[1]}.txt"])


def _entries(files: Files, p: dict[str, Any]) -> tuple[list[bytes], list[dict[str, Any]]]:
    place = "audit/entries.jsonl"
    with at(place):
        need(files[place].endswith(b"\n"), "line end")
    lines = files[place][:-1].split(b"\n")
    found, before = [], None
    for number, line in enumerate(lines, 1):
        with at(f"{place}:{number}"):
            e = entry(line)
            need(e["rec"] == p["record"] and e["rseq"] == number and e["prev"] == before, "chain")
            found.append(e)
            before = sha(line)
    with at(place):
        need(len(lines) == p["entries"] and before == p["last_sha256"], "number or last")
    return lines, found


def _proofs(files: Files, lines: list[bytes], size: int, root: bytes) -> None:
    place, last = "audit/proofs.json", -1
    with at(place):
        value = exactly(canonical(files[place]), "v size entries")
        one(value["v"])
        need(whole(value["size"]) == size and len(items(value["entries"])) == len(lines), "size")
    for number, (item, line) in enumerate(zip(value["entries"], lines, strict=True), 1):
        with at(f"{place}:{number}"):
            exactly(item, "rseq index leaf proof")
            index, leaf = whole(item["index"]), keys.leaf(line)
            need(whole(item["rseq"]) == number and index > last, "order")
            proof = [unbase64(x) for x in items(item["proof"])]
            need(unbase64(item["leaf"]) == leaf, "leaf")
            need(keys.included(index, size, leaf, proof, root), "proof")
            last = index


def _rows(e: dict[str, Any], table: str) -> list[dict[str, Any]]:
    rows = [c["after"] for c in e["changes"] if c["table"] == table]
    return [row for row in rows if isinstance(row, dict)]


def _mention(e: dict[str, Any]) -> dict[str, Any]:
    by = {"id": e["actor"]["id"], "name": e["actor"]["name"]}
    return {"entry": e["rseq"], **{n: e[n] for n in ("at", "action", "object")}, "by": by}


def _decides(e: dict[str, Any]) -> Any:
    for c in e["changes"]:
        rows = isinstance(c["before"], dict) and isinstance(c["after"], dict)
        if c["table"] == "batch" and rows and "disposition" in c["before"]:
            return c["after"].get("disposition")
    return None


def _snapshot(entries: list[dict[str, Any]], lines: list[bytes]) -> dict[str, Any]:
    decision, followed = None, []
    deciding = [e for e in entries if _decides(e) is not None]
    if deciding and _decides(deciding[-1]) != "none":
        e = deciding[-1]
        same = [
            x["rseq"]
            for x in entries[e["rseq"] - 1 :]
            if (x["request"], x["real_at"]) == (e["request"], e["real_at"])
        ]
        through = same[-1]
        decision = {
            **_mention(e),
            "disposition": _decides(e),
            "reason": e["reason"],
            "through": through,
            "through_sha256": sha(lines[through - 1]),
        }
        followed = [_mention(x) for x in entries[through:]]
    return {
        "v": 1,
        "record": entries[0]["rec"],
        "entries": len(entries),
        "last_sha256": sha(lines[-1]),
        "decision": decision,
        "followed": followed,
    }


def _record(
    files: Files, p: dict[str, Any], entries: list[dict[str, Any]], proven: set[tuple[int, bytes]]
) -> None:
    issued = [e for e in entries if e["action"] == "document.issued"]
    with at("record.json"):
        need(canonical(files["record.json"])["record"] == p["record"], "record")
    with at("record.pdf"):
        need(files["record.pdf"].startswith(b"%PDF-"), "no PDF")
    own = [e for e in issued if e["facts"].get("content_sha256") == sha(files["record.json"])]
    with at("record.json"):
        need(own, "never issued")
    with at("record.pdf"):
        need(any(e["facts"].get("sha256") == sha(files["record.pdf"]) for e in own), "other PDF")
    for e in issued:
        if e["facts"].get("checkpoint") is not None:
            with at(f"audit/entries.jsonl:{e['rseq']}"):
                printed = exactly(e["facts"]["checkpoint"], "size root")
                pair = whole(printed["size"]), bytes.fromhex(digest(printed["root"]))
                need(pair in proven, "printed checkpoint")


def _seals(pdf: bytes) -> None:
    blank = rb"[\x00\t\n\x0c\r ]"
    number = blank + rb"*(\d{1,10})"
    pattern = (
        rb"/ByteRange" + blank + rb"*\[" + number + (blank + rb"+(\d{1,10})") * 3 + blank + rb"*\]"
    )
    for match in re.finditer(pattern, pdf):
        z, a, b, c = (int(x) for x in match.groups())
        need(z == 0 and a < b and b + c <= len(pdf), "byte range")
        held = pdf[a:b]
        need(re.fullmatch(rb"<([0-9A-Fa-f]{2})*>", held), "no seal")
        der.check_seal(bytes.fromhex(held[1:-1].decode()), pdf[:a] + pdf[b : b + c])


def _held(
    files: Files, entries: list[dict[str, Any]], folder: str, table: str, column: str, left: bool
) -> None:
    told = {row.get(column) for e in entries for row in _rows(e, table)} - {None}
    names = sorted(name for name in files if name.startswith(folder))
    for name in names:
        with at(name):
            need(not left and sha(files[name]) in told, "named by no entry")
    with at(folder):
        need(left or told <= {sha(files[name]) for name in names}, "missing")


def _package(files: Files, trust: keys.Site | None) -> None:
    own = "index.dsse.json"
    with at(own):
        envelope, payload, said = _envelope(files[own], "evidence-package")
        p = exactly(said["predicate"], "site mode software made_at bundles")
        _frame(p)
        for b in items(p["bundles"]):
            text(exactly(b, "name record entries last_sha256")["name"])
            text(b["record"])
            whole(b["entries"])
            digest(b["last_sha256"])
        names = [b["name"] for b in p["bundles"]]
        subjects = [s["name"] for s in said["subject"]]
        need(names == [n for n in subjects if n.endswith(".ebr.zip")], "bundles")
    site = _site(files, trust)
    with at(own):
        _signed(envelope, payload, site)
    _named(files, said, own, ["keys/site.json"])
    for b in p["bundles"]:
        try:
            inner = _bundle(unzip(files[b["name"]]), site)
        except Bad as bad:
            raise Bad(f"{b['name']}!{bad.place}", "in the bundle") from bad
        with at(b["name"]):
            need(all(inner[n] == b[n] for n in ("record", "entries", "last_sha256")), "index")
            need(all(inner[n] == p[n] for n in ("site", "mode")), "site or mode")
