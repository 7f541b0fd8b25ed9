"""Attributes as they are given with rows, brought into the form in which an index keeps them."""

from __future__ import annotations

import pyarrow as pa

from kinfolk.errors import DataError
from kinfolk.search.filters.of_queries import as_table
from kinfolk.search.lance_rows import ROW


def as_attributes(attributes: object, num: int) -> pa.Table:
    """Attributes as an Arrow table; none is a table of so many rows without columns."""
    if attributes is None:
        return pa.table({ROW: pa.nulls(num)}).select([])
    table = as_table(attributes, "attributes")
    if not table.column_names:
        return table  # whose number of rows a cast forgets
    return table.cast(pa.schema([pa.field(field.name, _kept(field.type)) for field in table.schema]))


def _kept(kind: pa.DataType) -> pa.DataType:
    """The type that values are kept in: Arrow cannot take rows out of a string view."""
    return pa.string() if pa.types.is_string_view(kind) else kind


def in_columns(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The columns of a schema, of its types."""
    return table.select(schema.names).cast(schema) if schema.names else table


def require_one_each(vectors: int, ids: int, attributes: int) -> None:
    """Raise a DataError unless there is one vector, one id and one row of attributes for each row."""
    if not vectors == ids == attributes:
        raise DataError(
            "Each row needs one vector, one id and one row of attributes. "
            f"Got {vectors} vectors, {ids} ids, {attributes} rows of attributes."
        )
