"""Files that other packages carry, for pages that load nothing from anywhere else."""

import importlib.util
from collections.abc import Iterable
from pathlib import Path


def static_files(package: str, names: Iterable[str]) -> Path | None:
    """The folder `static` of a package, which is not imported; None where a part of this is missing."""
    try:
        found = importlib.util.find_spec(package)
    except ValueError:  # somebody has put a module there that has no origin
        return None
    if found is None or not found.submodule_search_locations:
        return None
    folder = Path(found.submodule_search_locations[0]) / "static"
    return folder if all((folder / name).is_file() for name in names) else None
