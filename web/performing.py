"""From a form to a command: once, by the person it was shown to, in one transaction.

Every form carries a key of its own (`_key`). The first request with it does the work and keeps its
answer in the same commit; later ones get that answer back, and other content under the same key is
refused (URS-SIG-080). Answers are JSON.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import request
from werkzeug.datastructures import MultiDict

from core.actors import Actor
from core.errors import Invalid
from core.idempotency import Given, Once, answer_given
from web import identity
from web.i18n import gettext as _

SECRETS = frozenset({"csrf_token", "passphrase", "badge", "_request", "_stage"})
"""Fields that do not belong to the content: secrets, and what differs from try to try."""

Tell = Callable[[Any], Any]


def once(file: bytes = b"") -> Once:
    """The identity of this request, of a `file` that it brings as well.

    Raises Invalid when the form carries no key.
    """
    key = request.form.get("_key", "")
    if not key or len(key) > 80:
        raise Invalid(_("The form carries no key."), resolver=_("you, by opening the page again"))
    return Once(
        scope=f"{identity.me().badge}:{request.endpoint}",
        key=key,
        digest=_digest(request.form, file),
    )


def _digest(form: MultiDict[str, str], file: bytes) -> str:
    items = [[name, form.getlist(name)] for name in sorted(form) if name not in SECRETS]
    if file:
        items.append(["file", [hashlib.sha256(file).hexdigest()]])
    body = json.dumps([request.path, items], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(body.encode()).hexdigest()


def earlier_answer() -> Given | None:
    """The answer that this form got already. Raises KeyUsedOtherwise for other content."""
    with identity.house().reading() as session:
        return answer_given(session, once())


def perform(
    command: Callable[..., Any],
    *arguments: Any,
    record: str,
    by: Actor | None = None,
    tell: Tell = lambda answer: answer,
    file: bytes = b"",
    **more: Any,
) -> Any:
    """Run a command of any package for this form, once; answers what `tell` makes of its result.

    `record` is the stream that a refusal is recorded on. `tell` must give JSON. `file` is one that
    the form brings: another one under the same key is other content.
    """

    @wraps(command)
    def told(session: Any, *given: Any, **keywords: Any) -> Any:
        return {"answer": tell(command(session, *given, **keywords))}

    kept = identity.house().perform(
        told, *arguments, by=by or identity.actor(), record=record, once=once(file), **more
    )
    return kept["answer"]
