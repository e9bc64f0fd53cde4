"""People, their keys, rights and signatures; and what a stolen key can and cannot do."""

from __future__ import annotations

import secrets
from datetime import timedelta
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.orm import Session

from app.attack.forging import Database, change, one
from app.attack.model import Catalogue, Detector, Family, Means
from app.attack.scene import Scene
from audit import signatures, trail
from audit.attempts import ACTION
from audit.models import Signature
from audit.sequencer import sequence_pending
from audit.signatures import SignedContent, Signer
from audit.streams import Stream
from core.actors import Actor, ActorKind
from personnel.models import Person

PEOPLE = Catalogue(Family.PEOPLE, Means.DATABASE)
PUBLIC = "SELECT id FROM public_key ORDER BY id"


@PEOPLE.found_by(Detector.ROWS)
def person_renamed(scene: Scene) -> None:
    """A person gets another name."""
    with scene.behind() as database:
        change(database, "UPDATE person SET name='Somebody Else' WHERE badge=?", scene.loot.victim)


@PEOPLE.found_by(Detector.ROWS)
def printed_name_of_a_signature_edited(scene: Scene) -> None:
    """The printed name of a signature is edited."""
    with scene.behind() as database:
        _edit_signature(database, "printed_name='Somebody Else'")


@PEOPLE.found_by(Detector.ROWS)
def meaning_of_a_signature_edited(scene: Scene) -> None:
    """A signature gets another meaning."""
    with scene.behind() as database:
        _edit_signature(database, "meaning='released'")


@PEOPLE.found_by(Detector.ROWS)
def signature_moved_to_another_record(scene: Scene) -> None:
    """A signature is moved to another record."""
    with scene.behind() as database:
        _edit_signature(database, "record='batch/B-9999'")


@PEOPLE.found_by(Detector.ROWS)
def signature_moved_to_another_version(scene: Scene) -> None:
    """A signature is moved to the next version of what was signed."""
    with scene.behind() as database:
        _edit_signature(database, "record_version = record_version + 1")


@PEOPLE.found_by(Detector.ROWS)
def signature_moved_to_another_step(scene: Scene) -> None:
    """The signature of one step is shown at another one."""
    with scene.behind() as database:
        (first,) = one(database, "SELECT id FROM step_signature ORDER BY id DESC")
        other = one(database, "SELECT step_id FROM step_signature WHERE step_id <> "
                    "(SELECT step_id FROM step_signature WHERE id = ?)", first)  # fmt: skip
        change(
            database,
            "UPDATE step_signature SET step_id = ?, revision = 99 WHERE id = ?",
            other[0],
            first,
        )


@PEOPLE.found_by(Detector.ROWS)
def signature_deleted(scene: Scene) -> None:
    """A signature is deleted."""
    with scene.behind() as database:
        found = one(database, "SELECT id FROM signature ORDER BY id DESC")
        change(database, "DELETE FROM signature WHERE id=?", found[0])


@PEOPLE.found_by(Detector.ROWS)
def role_granted_by_sql(scene: Scene) -> None:
    """A person is given a role by a statement of SQL."""
    columns = "site_id, scope, starts_at, until, requested_by, approved_by, approved_at"
    with scene.behind() as database:
        found = one(database, f"SELECT {columns} FROM role_grant ORDER BY id")  # noqa: S608 -- ours
        database.execute(
            f"INSERT INTO role_grant (id, request_id, badge, role, {columns})"  # noqa: S608 -- ours
            " VALUES (?, ?, ?, 'QA', ?,?,?,?,?,?,?)",
            (uuid4().hex, uuid4().hex, scene.loot.victim, *found),
        )


@PEOPLE.found_by(Detector.ROWS, Detector.SIGNATURE)
def public_key_exchanged(scene: Scene) -> None:
    """The public key of a person is exchanged for another one."""
    other = Ed25519PrivateKey.generate().public_key().public_bytes_raw().hex()
    with scene.behind() as database:
        badge = one(database, "SELECT signer FROM signature ORDER BY id")[0]
        change(database, "UPDATE public_key SET public_key=? WHERE badge=?", other, badge)


@PEOPLE.found_by(Detector.ROWS)
def revocation_of_a_key_deleted(scene: Scene) -> None:
    """The revocation of a signing key is deleted."""
    with scene.behind() as database:
        found = one(database, "SELECT id FROM key_revocation ORDER BY id DESC")
        change(database, "DELETE FROM key_revocation WHERE id=?", found[0])


@PEOPLE.by_design(
    "secrets never enter the trail, so their exchange cannot be compared with it; it gains nothing:"
    " what is stored opens only with badge and passphrase of the person it was made for, so that"
    " person cannot sign in any more, and says so"
)
def passphrase_hashes_exchanged(scene: Scene) -> None:
    """The stored secrets of two people are exchanged."""
    columns = ("cost", "salt", "verifier_hash", "sealed_key")
    with scene.behind() as database:
        query = "SELECT id, cost, salt, verifier_hash, sealed_key FROM credential WHERE salt"
        first, second = (
            one(database, f"{query} IS NOT NULL ORDER BY id {order}") for order in ("", "DESC")
        )
        wanted = ", ".join(f"{name}=?" for name in columns)
        for row, other in ((first, second), (second, first)):
            change(database, f"UPDATE credential SET {wanted} WHERE id=?",  # noqa: S608 -- ours
                   *other[1:], row[0])  # fmt: skip


@PEOPLE.by_design(
    "who can write into the database can open a session in another name and read and do what needs"
    " no signature; whatever is done stands in the trail with terminal and time, in the name of a"
    " person who can deny it; nothing can be signed with it"
)
def session_inserted(scene: Scene) -> None:
    """A session is opened in a person's name without the passphrase."""
    now = 1
    with scene.behind() as database:
        site = one(database, "SELECT site_id FROM site")[0]
        database.execute(
            "INSERT INTO login_session (id, site_id, token_hash, badge, terminal, created_at,"
            " last_activity_at, first_signing_done) VALUES (?,?,?,?,?,?,?,0)",
            (uuid4().hex, site, secrets.token_hex(32), scene.loot.victim, "Room 1.12", now, now),
        )


@PEOPLE.by_design(
    "a signature by a stolen key is good for every verifier until the key is revoked; what remains"
    " is what happened around it: the person's own list of signatures, terminal and time in the"
    " entry, and the second person of critical steps. The key itself opens only with the"
    " passphrase, so whoever learned that is who must be found",
    means=(Means.PERSON, Means.SERVER),
)
def stolen_key_signs(scene: Scene) -> None:
    """Somebody signs through the application with the stolen key of a person."""
    _sign(scene, scene.loot.thief)


@PEOPLE.found_by(Detector.SIGNATURE, means=(Means.PERSON, Means.SERVER))
def revoked_key_signs(scene: Scene) -> None:
    """Somebody signs with the key of a person after it was revoked."""
    _sign(scene, scene.loot.former)


@PEOPLE.found_by(Detector.SIGNATURE, means=(Means.SERVER,))
def server_signs_for_a_person(scene: Scene) -> None:
    """The server, with all its keys, makes a signature in a person's name without that key."""
    with scene.house() as house:
        known = house.services["people_keys"]
        with house.reading() as session:
            named = next(key for key in known(session) if key.badge == scene.loot.victim)
    _sign(scene, Ed25519PrivateKey.generate(), key_id=named.key_id)


@PEOPLE.by_design(
    "an act that needs no signature rests on the server: who controls its code can write a true"
    " looking entry in any name. That is why decisions are signed, and why releases of the"
    " software are",
    means=(Means.SERVER,),
)
def server_writes_in_a_persons_name(scene: Scene) -> None:
    """The server writes an unsigned entry in a person's name."""
    with scene.house() as house:
        with house.transaction() as session:
            actor = _actor(session, scene.loot.victim)
            with trail.act(session, ACTION, stream=_record(scene), by=actor):
                pass
        sequence_pending(house, scene.keys)


def _edit_signature(database: Database, change_to: str) -> None:
    found = one(database, "SELECT signature_id FROM step_signature ORDER BY id")
    change(database, f"UPDATE signature SET {change_to} WHERE id=?", found[0])  # noqa: S608 -- ours


def _record(scene: Scene) -> Stream:
    return Stream.parse(scene.loot.record)


def _actor(session: Session, badge: str) -> Actor:
    person = session.query(Person).filter_by(badge=badge).one()
    return Actor(kind=ActorKind.PERSON, id=badge, name=person.name, role="OP", terminal="Room 1.12")


def _sign(scene: Scene, key: Ed25519PrivateKey, *, key_id: str | None = None) -> None:
    public = key.public_key().public_bytes_raw()
    with scene.house(later=timedelta(hours=2)) as house:
        with house.transaction() as session:
            actor = _actor(session, scene.loot.victim)
            signer = Signer(
                badge=actor.id,
                printed_name=actor.name,
                role=actor.role,
                key_id=key_id or signatures.key_id(public),
                sign=key.sign,
            )
            _put(session, scene, actor, signer)
        sequence_pending(house, scene.keys)


def _put(session: Session, scene: Scene, actor: Actor, signer: Signer) -> Signature:
    stream = _record(scene)
    content = SignedContent(
        record=str(stream), object="false approval", version=1, content={"says": "all is well"}
    )
    made = signatures.make(
        session,
        content,
        signer=signer,
        meaning="approved",
        ceremony=str(uuid4()),
        nonce=secrets.token_hex(16),
    )
    with trail.act(session, "exception.released", stream=stream, by=actor) as act:
        act.sign(made, content)
    return made
