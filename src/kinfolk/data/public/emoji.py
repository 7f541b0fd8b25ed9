"""Emoji as several vendors draw them, with names in many languages: one thing, several pictures and texts.

An emoji is identified by its code points without the variation selector FE0F, which some sources write and others leave out.
Variants of skin tone are left out: they are no things of their own, and have no name in the sources.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path

import pyarrow as pa

from kinfolk.data.public.archives import read_files
from kinfolk.data.public.dataset import Choice, Dataset, Tables
from kinfolk.data.public.packages import Package
from kinfolk.data.wording import listed
from kinfolk.errors import ConfigurationError, DataError


def _pictures(vendor: str, digest: str, size: int) -> Package:
    name, version = f"emoji-datasource-{vendor}", "16.0.0"
    return Package("npm", name, version, f"{name}-{version}.tgz", digest, size)


PICTURES = {
    "apple": _pictures("apple", "b34d1665e136f163b0d4433318df151895b785186e8c729b2211b43017945075", 99_291_668),
    "facebook": _pictures("facebook", "017038cf5a4e7fcf03dd9133cbed43d4c281c4b3ce7b927c7160261b92b8821e", 102_958_917),
    "google": _pictures("google", "fb5fd131b362aab7a55542d2a147a79708cce0a8b1c1bbacd470172708b5c438", 74_344_091),
    "twitter": _pictures("twitter", "f64a530c63bca463bd8317fdc4615ce63a53a0c65018e4ce2d848aaba7a28877", 61_683_754),
}
NAMES = Package(
    "npm",
    "cldr-annotations-full",
    "48.2.0",
    "cldr-annotations-full-48.2.0.tgz",
    "28576e51225deb51e3ddd734b0f824a0079682cb5d8c27faa9f68149317a14d1",
    6_537_823,
)
# With names in NAMES; known here so that any other is refused before the download.
LANGUAGES = (
    "af", "ak", "am", "ar", "ar-SA", "as", "ast", "az", "ba", "be", "bg", "bgn", "blo", "bn", "br", "bs", "ca",
    "ccp", "ceb", "chr", "cs", "cv", "cy", "da", "de", "de-CH", "doi", "dsb", "el", "en", "en-001", "en-AU",
    "en-CA", "en-GB", "en-IN", "es", "es-419", "es-MX", "es-US", "et", "eu", "fa", "ff-Adlm", "fi", "fil", "fo",
    "fr", "fr-CA", "ga", "gd", "gl", "gu", "ha", "ha-NE", "he", "hi", "hi-Latn", "hr", "hsb", "hu", "hy", "ia",
    "id", "ig", "is", "it", "ja", "jv", "ka", "kk", "kk-Arab", "kl", "km", "kn", "ko", "kok", "ku", "ky", "lb",
    "lij", "lo", "lt", "lv", "mai", "mi", "mk", "ml", "mn", "mni", "mr", "ms", "mt", "my", "ne", "nl", "nn", "no",
    "nso", "oc", "om", "or", "pa", "pa-Arab", "pcm", "pl", "ps", "pt", "pt-PT", "qu", "quc", "rhg", "rm", "ro",
    "ru", "rw", "sa", "sat", "sc", "sd", "shn", "si", "sk", "sl", "so", "sq", "sr", "sr-Cyrl-BA", "sr-Latn",
    "sr-Latn-BA", "su", "sv", "sw", "sw-KE", "syr", "ta", "te", "tg", "th", "ti", "tk", "tn", "to", "tr", "tt",
    "ug", "uk", "ur", "uz", "vec", "vi", "wo", "xh", "yo", "yo-BJ", "yue", "yue-Hans", "zh", "zh-Hant",
    "zh-Hant-HK", "zu",
)  # fmt: skip

_LIST = "package/emoji.json"
_ANNOTATIONS = "package/annotations/"
_NAME = b'"tts"'  # the key under which annotations hold what is read aloud


def split_of(identifier: str) -> str:
    """``train``, ``valid`` or ``test`` (8 : 1 : 1), by the identifier alone: the same in every table and every version."""
    tenth = int.from_bytes(sha256(identifier.encode()).digest()[:8]) % 10
    return {8: "valid", 9: "test"}.get(tenth, "train")


def _packages(choice: Choice) -> tuple[Package, ...]:
    unknown = sorted(set(choice.vendors) - set(PICTURES))
    if unknown:
        raise ConfigurationError(f"emoji: there are no pictures by {listed(unknown)}. Vendors: {', '.join(PICTURES)}.")
    unknown = sorted(set(choice.languages) - set(LANGUAGES))
    if unknown:
        raise ConfigurationError(f"emoji: there are no names in {listed(unknown)}. Languages: {', '.join(LANGUAGES)}.")
    return (*(PICTURES[vendor] for vendor in choice.vendors), NAMES)


def _build(files: Sequence[Path], choice: Choice) -> Tables:
    *archives, annotations = files
    pictures = {v: _picture_table(archive, v) for v, archive in zip(choice.vendors, archives, strict=True)}
    drawn = sorted({identifier for table in pictures.values() for identifier in table["id"].to_pylist()})
    tables = {f"{vendor}.parquet": table for vendor, table in pictures.items()}
    names = _read_names(annotations)
    for language in choice.languages:
        tables[f"names-{language}.parquet"] = _name_table(json.loads(names[language]), drawn)
    return tables


def _read_names(archive: Path) -> dict[str, bytes]:
    """The annotations of each language that has names, as JSON; some have none, or keywords only.

    Raises:
        DataError: these are not the languages that are known.
    """
    files = read_files(archive, lambda name: name.startswith(_ANNOTATIONS))
    names = {
        name.removeprefix(_ANNOTATIONS).split("/")[0]: content for name, content in files.items() if _NAME in content
    }
    others = sorted(names.keys() ^ set(LANGUAGES))
    if others:
        raise DataError(
            f"{archive.name} must hold names in the {len(LANGUAGES)} languages that kinfolk knows of it. It differs in "
            f"{listed(others)}."
        )
    return names


def _picture_table(archive: Path, vendor: str) -> pa.Table:
    """The pictures of one vendor, PNG of 64 × 64 pixels."""
    folder = f"package/img/{vendor}/64/"
    files = read_files(archive, lambda name: name == _LIST or name.startswith(folder))
    entries = [entry for entry in json.loads(files[_LIST]) if entry[f"has_img_{vendor}"]]
    identifiers = [_identifier(int(point, 16) for point in entry["unified"].split("-")) for entry in entries]
    return _sorted(
        identifiers,
        {
            "short_name": pa.array([entry["short_name"] for entry in entries], pa.string()),
            "image": pa.array([files[folder + entry["image"]] for entry in entries], pa.binary()),
        },
    )


def _name_table(annotations: dict[str, dict[str, dict[str, dict[str, list[str]]]]], drawn: Sequence[str]) -> pa.Table:
    """Names in one language of the emoji that have a picture; flags and many sequences have none in this file of CLDR."""
    found = {_identifier(map(ord, text)): entry for text, entry in annotations["annotations"]["annotations"].items()}
    named = [identifier for identifier in drawn if "tts" in found.get(identifier, {})]
    return _sorted(
        named,
        {
            "name": pa.array([found[identifier]["tts"][0] for identifier in named], pa.string()),
            "keywords": pa.array([" | ".join(found[i].get("default", [])) for i in named], pa.string()),
        },
    )


def _sorted(identifiers: Sequence[str], columns: dict[str, pa.Array]) -> pa.Table:
    split = pa.array([split_of(identifier) for identifier in identifiers], pa.string())
    return pa.table({"id": pa.array(identifiers, pa.string()), **columns, "split": split}).sort_by("id")


def _identifier(points: Iterable[int]) -> str:
    """Code points in hexadecimal with hyphens, as names of files have them: ``1f9d1-200d-1f680``."""
    return "-".join(f"{point:04x}" for point in points if point != 0xFE0F)


EMOJI = Dataset(
    name="emoji",
    holds="1,911 emoji: pictures of 64 × 64 pixels by four vendors, names and keywords in many languages",
    license="Google: Apache-2.0; Twitter: CC-BY-4.0; Apple: not for commercial use; Facebook: none stated; "
    "short names: MIT; names: Unicode-3.0",
    packages=_packages,
    build=_build,
    choice=Choice(languages=("de", "en", "fr", "ja"), vendors=("apple", "facebook", "google", "twitter")),
)
