"""Memory for signatures: a process that signs again and again keeps what a derivation needs.

Argon2id fills 46 MiB for each signature. The C library gives so large a piece back to the system
at once and asks for it again, page by page, which takes as long as the derivation itself.
"""

from __future__ import annotations

import ctypes
import sys

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""Numbers of the two wishes in ``malloc.h`` of the GNU C library."""
LARGEST = 128 * 2**20
"""In bytes: a piece of up to this size is kept for the next who asks."""


def keep_for_derivations() -> bool:
    """Ask the C library to keep large pieces; False where it knows no such wish.

    For processes in which one thread signs: each further thread would keep a piece of its own.
    """
    if not sys.platform.startswith("linux"):
        return False
    wish = getattr(ctypes.CDLL(None), "mallopt", None)
    if wish is None:
        return False
    return all(wish(number, LARGEST) == 1 for number in (MMAP_THRESHOLD, TRIM_THRESHOLD))
