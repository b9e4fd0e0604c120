"""What commands leave behind: a folder listed, a file of text that is whole or absent."""

from __future__ import annotations

import os
from pathlib import Path


def print_folder(folder: Path) -> None:
    """Name every file of a finished folder with its size."""
    for file in sorted(folder.iterdir()):
        if file.is_file() and not file.name.startswith("."):
            print(f"  {file}  {file.stat().st_size / 1000:.0f} kB")


def write_text(target: Path, text: str) -> None:
    """Write a text file so that readers see the old one or the new one, never a part."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
