"""What each column is taken for, as a user is shown it: in a line, or in a table with the reasons."""

from __future__ import annotations

import pyarrow as pa

from kinfolk.data.profile import profile_column
from kinfolk.data.records import Records
from kinfolk.data.roles import infer_roles

_SCHEMA = pa.schema(
    {
        "column": pa.string(),
        "role": pa.string(),
        "missing": pa.float64(),
        "distinct": pa.int64(),
        "example": pa.string(),
        "why": pa.string(),
    }
)
_EXAMPLE_LENGTH = 60


def name_roles(*tables: Records) -> str:
    """The columns of some tables and their roles in a line, such as "id (id), name (text)"; once where they are alike."""
    lines = [", ".join(f"{column} ({role})" for column, role in records.roles.items()) for records in tables]
    if len(set(lines)) == 1:
        return lines[0]
    return "; ".join(f"{records.name}: {line}" for records, line in zip(tables, lines, strict=True))


def describe_roles(records: Records) -> pa.Table:
    """A table that shows the user what each column is taken for.

    Returns:
        Columns ``column``, ``role``, ``missing`` (share in [0, 1]), ``distinct``, ``example`` and ``why``.
    """
    inferred = infer_roles(records.table, folder=records.folder)
    rows: list[dict[str, object]] = []
    for i, (column, role) in enumerate(records.roles.items()):
        p = profile_column(records.table.column(column), column, first=i == 0)
        guess = inferred[column]
        example = p.sample[0].as_py() if len(p.sample) else ""
        rows.append(
            {
                "column": column,
                "role": role,
                "missing": p.missing / p.rows if p.rows else 0.0,
                "distinct": p.distinct,
                "example": example if len(example) <= _EXAMPLE_LENGTH else example[: _EXAMPLE_LENGTH - 1] + "…",
                "why": guess.why if guess.role == role else "as you said",
            }
        )
    return pa.Table.from_pylist(rows, schema=_SCHEMA)
