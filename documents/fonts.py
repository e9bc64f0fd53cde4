"""The fonts of every document: Noto Sans as the browser assets carry it, nothing else.

Each file becomes a CSS family of its own and the families form one stack. This is needed:
WeasyPrint names an embedded font by family, weight and style, so two files of one family (latin
and greek) would share one embedded font and print each other's glyphs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from io import BytesIO
from pathlib import Path

from fontTools.ttLib import TTFont  # type: ignore[import-untyped]  # brings no types
from fontTools.ttLib.woff2 import decompress  # type: ignore[import-untyped]  # brings no types

from documents.errors import FontsMissing

# Subsets that must be there; others in the folder (a site may add Cyrillic or CJK) follow them.
REQUIRED = (
    ("noto-sans-latin", 400),
    ("noto-sans-latin", 700),
    ("noto-sans-latin-ext", 400),
    ("noto-sans-latin-ext", 700),
    ("noto-sans-greek", 400),
    ("noto-sans-greek", 700),
    ("noto-sans-math-latin", 400),
    ("noto-sans-mono-latin", 400),
)
WEIGHTS = (400, 700)

_FILE = re.compile(r"(?P<subset>[a-z0-9-]+?)-(?P<weight>\d00)-normal\b.*\.(woff2|woff|ttf)$")
# Characters that steer the layout and have no glyph of their own.
_INVISIBLE = frozenset(map(ord, "\t\n\r\u00ad\u200b\u200c\u200d\u2060\ufeff"))


@dataclass(frozen=True, slots=True)
class Face:
    """One font file: subset name, CSS weight and its TrueType bytes."""

    subset: str
    weight: int
    content: bytes

    @property
    def family(self) -> str:
        """The CSS family of this file alone."""
        return f"Batchwright {self.subset}"

    @property
    def asset(self) -> str:
        """The name under which the file is fetched."""
        return f"font-{self.subset}-{self.weight}.ttf"


@dataclass(frozen=True)
class FontSet:
    """All faces of a document and the characters that they can print."""

    faces: tuple[Face, ...]

    @cached_property
    def coverage(self) -> frozenset[int]:
        """Code points that every weight can print, by itself or by a regular substitute."""
        points: set[int] = set(_INVISIBLE)
        for face in self.faces:
            if face.weight == WEIGHTS[0]:
                points.update(TTFont(BytesIO(face.content), lazy=True).getBestCmap())
        return frozenset(points)

    @cached_property
    def assets(self) -> Mapping[str, bytes]:
        """Font files by asset name."""
        return {face.asset: face.content for face in self.faces}

    @cached_property
    def css(self) -> str:
        """The @font-face rules and the one font stack of the document."""
        rules = [
            f"@font-face {{ font-family: '{face.family}'; font-weight: {face.weight};"
            f" src: url(asset:{face.asset}) }}"
            for face in self.faces
        ]
        families = list(dict.fromkeys(f"'{face.family}'" for face in self.faces))
        stack = ", ".join(families)
        mono = ", ".join(sorted(families, key=lambda name: "mono" not in name))
        rules.append(f"@page {{ font-family: {stack} }} html {{ font-family: {stack} }}")
        rules.append(
            f"body, body * {{ font-family: inherit }} body .mono {{ font-family: {mono} }}"
        )
        return "\n".join(rules)

    def spell_out(self, text: str) -> str:
        """Replace each character without a glyph by its code point, so that none is lost.

        A record may hold anything that people typed (URS-REP-030: nothing cut or dropped).
        """
        return "".join(
            char if ord(char) in self.coverage else f"[U+{ord(char):04X}]" for char in text
        )


@lru_cache(maxsize=4)
def load_fonts(folder: Path) -> FontSet:
    """The fonts of a folder with the built browser assets; `FontsMissing` names what lacks.

    File names are those of the font packages (``noto-sans-greek-400-normal.woff2``), a content
    hash before the ending is allowed. Unpacking takes about a second, once per process.
    """
    chosen = _files_by_subset(folder)
    missing = [
        f"{subset}-{weight}" for subset, weight in REQUIRED if (subset, weight) not in chosen
    ]
    if missing:
        raise FontsMissing(f"fonts not found in {folder.name}/: {', '.join(missing)}")
    order = [*REQUIRED, *sorted(chosen.keys() - set(REQUIRED))]
    return FontSet(
        tuple(Face(subset, weight, _truetype(chosen[subset, weight])) for subset, weight in order)
    )


def _files_by_subset(folder: Path) -> dict[tuple[str, int], Path]:
    chosen: dict[tuple[str, int], Path] = {}
    for path in sorted(folder.glob("noto-sans-*")):
        match = _FILE.match(path.name)
        if match and int(match["weight"]) in WEIGHTS:
            # woff2 sorts after woff and wins: it is the smaller file of the same font.
            chosen[match["subset"], int(match["weight"])] = path
    return chosen


def _truetype(path: Path) -> bytes:
    content = path.read_bytes()
    out = BytesIO()
    if content.startswith(b"wOF2"):
        decompress(BytesIO(content), out)
    else:
        font = TTFont(BytesIO(content))
        font.flavor = None
        font.save(out, reorderTables=None)
    return out.getvalue()
