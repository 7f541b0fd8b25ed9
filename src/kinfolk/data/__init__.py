"""Records: Arrow tables with a role for each column, and readers for wherever tables are."""

from kinfolk.data.atomic import atomic_write, read_table, write_table
from kinfolk.data.overview import describe_roles
from kinfolk.data.readers import read_records
from kinfolk.data.records import Records, Role

__all__ = ["Records", "Role", "atomic_write", "describe_roles", "read_records", "read_table", "write_table"]
