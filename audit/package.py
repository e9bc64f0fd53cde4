"""A package: several evidence bundles in one zip with a signed index (URS-REC-070, feature M5).

Every bundle in it stays a bundle of its own, which can be handed on and verified alone; the index
says which belong together, so that none can be dropped or exchanged unseen.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from audit import bundle, canonical, verifier
from audit.keys import SiteKeys
from core.house import moment
from core.sites import the_site

README = """Package of {count} evidence bundles ({mode} site {site})

*.ebr.zip               the bundles; each can be verified alone, too
index.dsse.json         the signed list of all files with their SHA-256, and of the records
keys/site.json          public keys of the site
verify.py               checks all of this; needs only Python 3.9 or newer:

    python3 -I verify.py THIS_FILE.zip

Better use a copy of verify.py and the keys of the site (--trust trust.json) that you got another
way than with this file.
"""


def files(
    session: Session,
    bundles: Mapping[str, bytes],
    told: Mapping[str, Mapping[str, Any]],
    *,
    keys: SiteKeys,
    software: str,
) -> tuple[dict[str, bytes], dict[str, Any]]:
    """All files of a package of `bundles` by file name, and the predicate of its index.

    `told` holds the predicate of each bundle. ValueError for a name that does not end as bundles
    do, and for none. The files are to be stored, not packed: the bundles are packed already.
    """
    wrong = [name for name in bundles if not name.endswith(verifier.BUNDLE_NAME)]
    if wrong or not bundles:
        raise ValueError(f"no bundles, or not named as bundles: {wrong}")
    site = the_site(session)
    predicate = {
        "site": site.name,
        "mode": str(site.mode),
        "software": software,
        "made_at": canonical.moment_text(moment(session).real),
        "bundles": [_line(name, told[name]) for name in sorted(bundles)],
    }
    found = {
        **bundles,
        verifier.SITE_KEYS: verifier.canonical_bytes(bundle.site_keys(keys)),
        "verify.py": Path(verifier.__file__).read_bytes(),
        "README.txt": README.format(count=len(bundles), **predicate).encode("utf-8"),
    }
    found[verifier.INDEX] = bundle.sealed(found, verifier.PACKAGE_TYPE, predicate, keys)
    return found, predicate


def _line(name: str, told: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "record": told["record"],
        "entries": told["entries"],
        "last_sha256": told["last_sha256"],
    }
