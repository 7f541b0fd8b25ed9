"""A record as one text, for encoders that read texts."""

from __future__ import annotations

from collections.abc import Sequence

from kinfolk.data.records import Records

SEPARATOR = " | "


def record_texts(records: Records, fields: Sequence[str]) -> list[str]:
    """Return each record as one text: the values of its fields, in the order given, joined by " | ".

    Missing and blank values are skipped, separator included, so a record with one value is just that value, and one
    without any is "".

    Args:
        records: n records.
        fields: names of columns.

    Returns:
        n strings.

    Raises:
        ConfigurationError: if there is no such column.
    """
    columns = [[value.strip() for value in records.texts(field)] for field in fields]
    if not columns:
        return [""] * len(records)
    return [SEPARATOR.join(filter(None, values)) for values in zip(*columns, strict=True)]
