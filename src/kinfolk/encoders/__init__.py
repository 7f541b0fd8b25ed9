"""Records to vectors. Importing this needs no torch; making or loading an encoder does."""

from kinfolk.encoders.cross_encoder import load_cross_encoder
from kinfolk.encoders.image_by_name import image_encoder
from kinfolk.encoders.record_text import record_texts
from kinfolk.encoders.sentence_transformer import load_text_encoder
from kinfolk.encoders.text import TextEncoder, TextModel
from kinfolk.encoders.vector_cache import encode_cached

__all__ = [
    "TextEncoder",
    "TextModel",
    "encode_cached",
    "image_encoder",
    "load_cross_encoder",
    "load_text_encoder",
    "record_texts",
]
