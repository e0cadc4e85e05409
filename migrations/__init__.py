"""The SQL of every database, the only place with DDL."""

from importlib.resources import files


def script(*parts: str) -> str:
    """Read one SQL file by the parts of its path, wherever the package is installed."""
    return files("migrations").joinpath(*parts).read_text(encoding="utf-8")
