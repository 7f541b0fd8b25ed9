"""Records: Arrow tables with a role for each column, and readers for wherever tables and images are."""

from kinfolk.data.atomic import atomic_write, read_table, write_table
from kinfolk.data.images import Images, read_images
from kinfolk.data.overview import describe_roles
from kinfolk.data.readers import read_records
from kinfolk.data.records import Records, Role

__all__ = [
    "Images",
    "Records",
    "Role",
    "atomic_write",
    "describe_roles",
    "read_images",
    "read_records",
    "read_table",
    "write_table",
]
