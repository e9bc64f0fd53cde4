"""Long documents: pieces laid out in processes of their own, two at a time, joined to one file.

The library that lays out pages keeps some 3 MB for every page until the document is written, and
uses one processor. A piece ends with its process, so memory stays flat however long a record is.
"""

from __future__ import annotations

import pickle
import resource
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, islice
from typing import Any

from jinja2 import Environment

from documents.environment import render_html
from documents.errors import RenderingFailed
from documents.fonts import FontSet
from documents.joining import Joined, LaidOut
from documents.rendering import Attachment, lay_out
from documents.views import Face, Mark

AT_A_TIME = 2
PATIENCE_SECONDS = 900
MEMORY_BYTES = 700 * 2**20
"""What one process may take for itself; a piece of 45 pages needs less than half of it."""
SHEETS_AT_ONCE = 250
_PROCESS = (sys.executable, "-I", "-m", "documents.parts")


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a document as HTML of its own, without frame, and the pictures it shows."""

    html: str
    assets: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    piece: Piece
    title: str
    language: str
    created: datetime
    fonts: FontSet
    attachments: tuple[Attachment, ...]

    def run(self) -> LaidOut:
        return lay_out(
            self.piece.html,
            title=self.title,
            language=self.language,
            created=self.created,
            fonts=self.fonts,
            attachments=self.attachments,
            assets=self.piece.assets,
        )


def render_parts(
    pieces: Iterable[Piece],
    *,
    face: Face,
    environment: Environment,
    created: datetime,
    fonts: FontSet,
    attachments: Sequence[Attachment] = (),
) -> bytes:
    """One PDF/A-3u file of all pieces, with the frame of `face` and “page x of y” on every page.

    Pieces are asked for as they are needed, so that few exist at a time. A link to ``page:ID``
    leads to that id in any piece and shows its page. Raises RenderingFailed for anything that
    cannot be printed as it is.
    """
    title = f"{face.title} {face.subject}"
    # Asked here, so that no process has to read the fonts again.
    _ = fonts.coverage

    def task(piece: Piece, beside: Sequence[Attachment] = ()) -> _Task:
        return _Task(
            piece=piece,
            title=title,
            language=face.language,
            created=created,
            fonts=fonts,
            attachments=tuple(beside),
        )

    joined = Joined(
        _all(task(piece, () if number else attachments) for number, piece in enumerate(pieces))
    )
    sheets = _all(
        task(Piece(render_html(environment, "documents/sheets.html", data)))
        for data in _sheets(face, joined.marks())
    )
    return joined.finish([each.pdf for each in sheets])


def _sheets(face: Face, marks: Sequence[Sequence[Mark]]) -> Iterator[Mapping[str, Any]]:
    """The sheets in slices, so that numbering a long document needs no more memory than a short."""
    for start in range(0, len(marks), SHEETS_AT_ONCE):
        yield {
            "face": face,
            "sheets": marks[start : start + SHEETS_AT_ONCE],
            "start": start,
            "total": len(marks),
        }


def _all(tasks: Iterable[_Task]) -> Iterator[LaidOut]:
    """In order; the next task is asked for when one has ended."""
    more = iter(tasks)
    first = list(islice(more, 2))
    if len(first) == 1:
        yield first[0].run()
        return
    running: deque[Future[LaidOut]] = deque()
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        for task in chain(first, more):
            running.append(pool.submit(_elsewhere, task))
            if len(running) > AT_A_TIME:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()


def _elsewhere(task: _Task) -> LaidOut:
    """Lay out in a process of its own; what it raises is raised here."""
    try:
        done = subprocess.run(
            _PROCESS,
            input=pickle.dumps(task),
            capture_output=True,
            timeout=PATIENCE_SECONDS,
            check=True,
        )
    except (subprocess.SubprocessError, OSError) as error:
        said = getattr(error, "stderr", None) or str(error).encode()
        raise RenderingFailed(f"{task.title}: {said.decode(errors='replace')[-500:]}") from error
    answer = pickle.loads(done.stdout)  # noqa: S301 - written by the process just started
    if isinstance(answer, RenderingFailed):
        raise answer
    if not isinstance(answer, LaidOut):
        raise RenderingFailed(f"{task.title}: the pages did not come back")
    return answer


def main() -> None:
    """Lay out the piece that stands on standard input; the answer goes to standard output."""
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    task = pickle.load(sys.stdin.buffer)  # noqa: S301 - written by the process that started this
    try:
        answer: LaidOut | RenderingFailed = task.run()
    except RenderingFailed as refused:
        answer = refused
    except MemoryError:
        answer = RenderingFailed(f"{task.title}: a part of the pages needs too much memory")
    sys.stdout.buffer.write(pickle.dumps(answer))


if __name__ == "__main__":
    main()
