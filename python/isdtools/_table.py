"""Tables that functions return."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import _native

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

_SHOWN = 10


class Table:
    """A table in memory that any library takes by its ``__arrow_c_stream__``, without copying.

    ``polars.DataFrame(table)``, ``pyarrow.table(table)``, ``pandas.DataFrame.from_arrow(table)`` and
    ``duckdb.sql("from table")`` read it; so do :meth:`to_polars`, :meth:`to_arrow` and :meth:`to_pandas`.

    Attributes
    ----------
    summary : dict or None
        What the tool says of its run, as ``--json`` prints it: rows, stations, outliers, parameters, seconds. ``None`` for
        a table of a function on tables in memory.
    """

    summary: dict[str, Any] | None

    def __init__(self, handle: object, summary: dict[str, Any] | None = None) -> None:
        self._held = handle
        self.summary = summary

    @property
    def _handle(self) -> object:
        return self._held

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The table as a stream of record batches, by the Arrow PyCapsule interface."""
        return _native.stream(self._handle)

    def __arrow_c_schema__(self) -> object:
        """The table's schema, by the Arrow PyCapsule interface."""
        return _native.schema(self._handle)

    def __len__(self) -> int:
        return _native.shape(self._handle)[0]

    @property
    def column_names(self) -> list[str]:
        """Names of the columns, in order."""
        return _native.shape(self._handle)[1]

    def __repr__(self) -> str:
        rows, columns = _native.shape(self._handle)
        more = f"... {rows - _SHOWN:,} more rows\n" if rows > _SHOWN else ""
        return f"{_native.text(self._handle, _SHOWN)}{more}[{rows:,} rows, {len(columns)} columns]"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (_native.to_ipc(self._handle), self.summary)

    def to_arrow(self) -> pyarrow.Table:
        """The table as a ``pyarrow.Table``, without copying. Needs pyarrow."""
        import pyarrow

        return pyarrow.table(self)

    def to_pandas(self) -> pandas.DataFrame:
        """The table as a ``pandas.DataFrame``. Needs pandas and pyarrow."""
        return self.to_arrow().to_pandas()

    def to_polars(self) -> polars.DataFrame:
        """The table as a ``polars.DataFrame``. Needs Polars."""
        import polars

        return polars.DataFrame(self)


def _restored(file: bytes, summary: dict[str, Any] | None) -> Table:
    return Table(_native.from_ipc(file), summary)
