"""Files on their way into a record: checked, cleaned, and kept aside until the step is signed.

A browser sends a file once; between "save" and "sign" it waits here, named by its digest, and only
the page of the same person can refer to it. Nothing here is part of a record (URS-SEC-030).
"""

from __future__ import annotations

import hashlib
import io
import re
from pathlib import Path
from typing import Any

from flask import current_app
from itsdangerous import BadSignature
from PIL import Image, UnidentifiedImageError
from werkzeug.datastructures import FileStorage, MultiDict

from documents import received
from ebr.entry import File
from web import identity
from web.errors import FileRefused
from web.i18n import gettext as _
from web.sentences import said
from web.settings import WebSettings

PREFIX = "staged-"
KEEP_SECONDS = 24 * 3600
LARGEST_PIXELS = 60_000_000
NAME = re.compile(r"[^\w .()-]+")
IMAGES = {"PNG": ("image/png", ".png"), "JPEG": ("image/jpeg", ".jpg")}


def collect(form: MultiDict[str, str], files: MultiDict[str, FileStorage]) -> dict[str, File]:
    """The files of a request by field: those sent now, else those staged before."""
    found = {
        name.removeprefix(PREFIX): _staged(value)
        for name, value in form.items()
        if name.startswith(PREFIX)
    }
    found.update({name: read(sent) for name, sent in files.items() if sent.filename})
    return found


def stage(files: dict[str, File]) -> dict[str, str]:
    """Keep files aside; answers the hidden fields that name them in the next request."""
    return {f"{PREFIX}{name}": _keep(file) for name, file in files.items()}


def read(sent: FileStorage) -> File:
    """An uploaded file after its type was checked by content. Raises FileRefused.

    Pictures are decoded and written again, which drops everything that is not picture.
    """
    sent.stream.seek(0)
    data = sent.stream.read()
    name = NAME.sub("_", Path(sent.filename or "file").name)[:100] or "file"
    if data.startswith(b"%PDF-") and b"%%EOF" in data[-2048:]:
        for why in received.problems(data, received.PDF):
            raise _refused(name, said(why))
        return File(name=_ending(name, ".pdf"), media_type="application/pdf", data=data)
    return _picture(name, data)


def _picture(name: str, data: bytes) -> File:
    try:
        with Image.open(io.BytesIO(data), formats=list(IMAGES)) as picture:
            if picture.width * picture.height > LARGEST_PIXELS:
                raise _refused(name, _("it has too many pixels"))
            format_ = str(picture.format)
            media_type, ending = IMAGES[format_]
            clean = io.BytesIO()
            _plain(picture, format_).save(clean, format=format_, quality=92)
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise _refused(name, _("it is no readable PNG, JPEG or PDF file")) from error
    return File(name=_ending(name, ending), media_type=media_type, data=clean.getvalue())


def _plain(picture: Image.Image, format_: str) -> Image.Image:
    picture.load()
    mode = "RGB" if format_ == "JPEG" else ("RGBA" if "A" in picture.getbands() else "RGB")
    return picture.convert(mode)


def _ending(name: str, ending: str) -> str:
    return f"{Path(name).stem}{ending}"


def _refused(name: str, why: str) -> FileRefused:
    return FileRefused(
        _("%(name)s was not accepted: %(why)s.", name=name, why=why),
        resolver=_("you, with a PNG or JPEG picture or a PDF file"),
    )


def _folder() -> Path:
    own: WebSettings = current_app.extensions["web_settings"]
    return own.staging


def _keep(file: File) -> str:
    digest = hashlib.sha256(file.data).hexdigest()
    path = _folder() / digest
    if not path.exists():
        path.write_bytes(file.data)
    told = {
        "sha256": digest,
        "name": file.name,
        "type": file.media_type,
        "for": identity.me().badge,
    }
    return str(identity.serializer("upload").dumps(told))


def _staged(given: str) -> File:
    try:
        told: dict[str, Any] = identity.serializer("upload").loads(given, max_age=KEEP_SECONDS)
        data = (_folder() / told["sha256"]).read_bytes()
    except (BadSignature, OSError) as error:
        raise _refused(_("The file"), _("it is no longer here: choose it again")) from error
    if told["for"] != identity.me().badge:
        raise _refused(str(told["name"]), _("somebody else uploaded it"))
    return File(name=told["name"], media_type=told["type"], data=data)
