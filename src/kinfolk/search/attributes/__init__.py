"""Which rows pass a filter, known exactly and in microseconds: lists, bitmaps and sorted orders of the attributes."""

from kinfolk.search.attributes.attributes import Attributes

__all__ = ["Attributes"]
