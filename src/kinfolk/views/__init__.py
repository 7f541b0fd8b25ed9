"""One image, or one text, in several views: batched, each with parameters of its own. Needs the extra ``train``.

=================  =================================================================================================
families           simclr · byol · multi_crop · document_scan, made by draw_views
recipes            PhotoView · ScanView
place              crop · draw_boxes · flip · flip_boxes · whole_boxes · rotate
color              brightness · contrast · saturation · turn_hue · grayscale · solarize · color_jitter · draw_jitter
sharpness          gaussian_blur · blur_kernel
pages              draw_texture · stain_paper · fade_ink · bleed_through · draw_specks · speckle
texts              find_fonts · Font · render_text · render_texts · synthetic_classes: crops made from strings
pairs of texts     draw_pairs · inverse_propensity · surface_similarity · surface_words · semantic_similarity
tokens of texts    chunk_grid · random_crop · delete_tokens · inverse_cloze
words of texts     delete_words · repeat_words · swap_words
=================  =================================================================================================

A batch of images is a tensor (images, channels, height, width) of uint8 in [0, 255] or floats in [0, 1]; a view has its type.
Whatever is random comes from a generator that the caller owns, of torch for images and of numpy for texts; crops made from
strings take a seed.
A batch is a tensor (images, channels, height, width) of uint8 in [0, 255] or floats in [0, 1]; a view has its type. Whatever
is random comes from a ``torch.Generator`` that the caller owns; crops made from strings take a seed, pairs of texts a generator
of NumPy.
"""

from importlib.util import find_spec

from kinfolk.errors import MissingExtraError

if find_spec("torch") is None:
    raise MissingExtraError("kinfolk.views", "train")

from kinfolk.views.blur import blur_kernel, gaussian_blur
from kinfolk.views.color import brightness, contrast, grayscale, saturation, solarize
from kinfolk.views.crop import crop, draw_boxes, flip, flip_boxes, whole_boxes
from kinfolk.views.document import bleed_through, draw_specks, draw_texture, fade_ink, speckle, stain_paper
from kinfolk.views.families import byol, document_scan, multi_crop, simclr
from kinfolk.views.fonts import Font, find_fonts
from kinfolk.views.hue import turn_hue
from kinfolk.views.jitter import Jitter, color_jitter, draw_jitter
from kinfolk.views.photo import PhotoView
from kinfolk.views.pixels import to_float
from kinfolk.views.propensity import (
    DrawnPairs,
    draw_pairs,
    inverse_propensity,
    semantic_similarity,
    surface_similarity,
    surface_words,
)
from kinfolk.views.render import render_text, render_texts
from kinfolk.views.rotation import rotate
from kinfolk.views.scan import ScanView
from kinfolk.views.synthetic import SyntheticClasses, synthetic_classes
from kinfolk.views.text_crops import chunk_grid, delete_tokens, inverse_cloze, random_crop
from kinfolk.views.view import View, ViewRecipe, draw_views
from kinfolk.views.word_noise import delete_words, repeat_words, swap_words

__all__ = [
    "DrawnPairs",
    "Font",
    "Jitter",
    "PhotoView",
    "ScanView",
    "SyntheticClasses",
    "View",
    "ViewRecipe",
    "bleed_through",
    "blur_kernel",
    "brightness",
    "byol",
    "chunk_grid",
    "color_jitter",
    "contrast",
    "crop",
    "delete_tokens",
    "delete_words",
    "document_scan",
    "draw_boxes",
    "draw_jitter",
    "draw_pairs",
    "draw_specks",
    "draw_texture",
    "draw_views",
    "fade_ink",
    "find_fonts",
    "flip",
    "flip_boxes",
    "gaussian_blur",
    "grayscale",
    "inverse_cloze",
    "inverse_propensity",
    "multi_crop",
    "random_crop",
    "render_text",
    "render_texts",
    "repeat_words",
    "rotate",
    "saturation",
    "semantic_similarity",
    "simclr",
    "solarize",
    "speckle",
    "stain_paper",
    "surface_similarity",
    "surface_words",
    "swap_words",
    "synthetic_classes",
    "to_float",
    "turn_hue",
    "whole_boxes",
]
