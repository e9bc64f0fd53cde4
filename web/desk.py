"""What the desk pages share: a page around one table, and files as answers."""

from __future__ import annotations

from typing import Any

from flask import Response, render_template

from web import tables
from web.tables import Table


def table_page(template: str, table: Table, **more: Any) -> str | Response:
    """The page with the table, or all its fitting rows as CSV when that is asked for."""
    if tables.wants_csv(table):
        return tables.as_csv(table)
    return render_template(template, table=table, **more)


def file(data: bytes | str, media_type: str, name: str, *, inline: bool = False) -> Response:
    """Bytes under a name: opened in the browser or downloaded."""
    response = Response(data, mimetype=media_type)
    how = "inline" if inline else "attachment"
    response.headers.set("Content-Disposition", how, filename=name)
    return response
