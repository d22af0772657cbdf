"""Static files of other Python packages, so that no page loads anything from another host."""

import importlib.util
from collections.abc import Iterable
from pathlib import Path


def static_folder(package: str, names: Iterable[str]) -> Path | None:
    """Return the folder `static` of a package, without importing it; None unless it has all these files."""
    try:
        spec = importlib.util.find_spec(package)
    except ValueError:  # a module of this name without an origin is loaded already
        return None
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0]) / "static"
    return folder if all((folder / name).is_file() for name in names) else None
