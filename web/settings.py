"""What the pages need to know about this installation: a secret, places, sizes."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from core.settings import Settings

KEY_FILE = "web.key"
MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """`secret` signs cookies and form tokens; `staging` keeps uploads until they are signed."""

    secret: bytes = field(repr=False)
    staging: Path
    longest_upload: int = 20 * MEGABYTE

    @classmethod
    def of(cls, settings: Settings) -> WebSettings:
        """The settings of a site; the secret is made at the first start (file mode 0600)."""
        staging = settings.home / "staging"
        staging.mkdir(parents=True, exist_ok=True, mode=0o700)
        return cls(secret=_secret(settings.keys / KEY_FILE), staging=staging)


def _secret(path: Path) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_bytes()
    with os.fdopen(handle, "wb") as file:
        file.write(secrets.token_bytes(32))
    return path.read_bytes()
