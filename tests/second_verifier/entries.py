"""Entries and signatures of persons (sections 5 and 7 of the evidence format)."""

from datetime import UTC
from typing import Any

from tests.second_verifier.basis import (
    canonical,
    digest,
    exactly,
    items,
    moment,
    need,
    one,
    sha,
    spell,
    text,
    unbase64,
    whole,
)
from tests.second_verifier.keys import good, key_id

ENTRY = (
    "v site rec rseq prev at tz real_at actor action object reason changes facts journal"
    " signed software request"
)
MANIFEST = (
    "v site record object version content_sha256 meaning signer printed_name role reason at tz"
    " real_at ceremony nonce key_id prior after_rseq after_sha256"
)
COLUMNS = {
    "record": "record",
    "object": "object",
    "record_version": "version",
    "content_digest": "content_sha256",
    "meaning": "meaning",
    "signer": "signer",
    "printed_name": "printed_name",
    "role": "role",
    "reason": "reason",
    "real_at": "real_at",
    "zone": "tz",
    "key_id": "key_id",
    "nonce": "nonce",
    "prior": "prior",
}
MARK = b"batchwright-signature-v1\n"


def entry(line: bytes) -> dict[str, Any]:
    """The entry of a line; ValueError when it is none."""
    e = exactly(canonical(line), ENTRY)
    one(e["v"])
    whole(e["site"])
    whole(e["rseq"])
    text(e["rec"])
    for name in ("at", "real_at"):
        moment(e[name])
    for name in ("tz", "action", "object", "request"):
        need(text(e[name]), name)
    need(e["reason"] is None or isinstance(e["reason"], str), "reason")
    need(e["prev"] is None or digest(e["prev"]), "prev")
    for owner, names in (
        ("actor", "kind id name role terminal"),
        ("software", "name configuration"),
    ):
        need(isinstance(e[owner], dict), owner)
        for name in names.split():
            value = text(e[owner].get(name))
            need(value or owner == "software", name)
    need(isinstance(e["facts"], dict), "facts")
    items(e["journal"])
    for change in items(e["changes"]):
        exactly(change, "table id before after")
        text(change["table"])
    for item in items(e["signed"]):
        exactly(item, "nonce content")
        text(item["nonce"])
    return e


def people(data: bytes) -> dict[str, dict[str, Any]]:
    """keys/people.json by key id; ValueError when it is not of its form."""
    value = exactly(canonical(data), "v keys")
    one(value["v"])
    found: dict[str, dict[str, Any]] = {}
    for item in items(value["keys"]):
        key = exactly(item, "key_id badge public valid_from valid_until")
        public = unbase64(key["public"])
        need(len(public) == 32 and key_id("person", public) == key["key_id"], "key id")
        need(key["key_id"] not in found, "key twice")
        text(key["badge"])
        moment(key["valid_from"])
        need(key["valid_until"] is None or moment(key["valid_until"]), "valid_until")
        found[key["key_id"]] = key
    return found


class Signatures:
    """Checks the signatures of one record, entry by entry."""

    def __init__(self, keys: dict[str, dict[str, Any]], lines: list[bytes]) -> None:
        self.keys, self.lines = keys, lines
        self.nonces: set[str] = set()
        self.digests: set[str] = set()

    def check(self, e: dict[str, Any]) -> None:
        """Every signature of the entry; ValueError at the first that is not good."""
        contents = {item["nonce"]: item["content"] for item in e["signed"]}
        need(len(contents) == len(e["signed"]), "nonce twice")
        for change in e["changes"]:
            if change["table"] == "signature":
                need(change["before"] is None, "a signature was changed")
                self._one(e, change["after"], contents)
        need(not contents, "content without signature")

    def _one(self, e: dict[str, Any], row: Any, contents: dict[str, Any]) -> None:
        need(isinstance(row, dict), "no row")
        raw = text(row.get("manifest")).encode()
        m = exactly(canonical(raw), MANIFEST)
        signature = unbase64(row.get("signature"))
        key = self.keys.get(text(row.get("key_id")))
        need(key, "key not published")
        assert key
        for column, name in COLUMNS.items():
            need(column in row and type(row[column]) is type(m[name]), column)
            same = row[column] == m[name]
            need(same or (column == "real_at" and moment(row[column]) == moment(m[name])), column)
        at = moment(m["at"])
        need(row.get("at") == at.astimezone(UTC).isoformat(timespec="microseconds"), "at")
        need(row.get("utc_offset") == m["at"][-6:], "utc_offset")
        one(m["v"])
        need(good(unbase64(key["public"]), signature, MARK + raw), "signature")
        need(key["badge"] == m["signer"] and moment(key["valid_from"]) <= at, "badge or time")
        need(key["valid_until"] is None or at < moment(key["valid_until"]), "key was over")
        content = contents.pop(m["nonce"], None)
        need(isinstance(content, dict), "content")
        assert content is not None
        for name in ("record", "object", "version"):
            need(name in content and spell(content[name]) == spell(m[name]), "content")
        need(m["content_sha256"] == sha(spell(content)), "content digest")
        need(m["record"] == e["rec"] and spell(m["site"]) == spell(e["site"]), "record or site")
        need(all(m[name] == e[name] for name in ("at", "real_at", "tz")), "times")
        after = whole(m["after_rseq"])
        need(0 <= after < e["rseq"], "after_rseq")
        need(m["after_sha256"] == (sha(self.lines[after - 1]) if after else None), "after_sha256")
        need(m["nonce"] not in self.nonces, "nonce again")
        need(m["prior"] is None or m["prior"] in self.digests, "prior")
        self.nonces.add(m["nonce"])
        self.digests.add(sha(MARK + raw + signature))
