"""What a command says in place of a traceback where a file is missing or damaged."""

from __future__ import annotations

import pickle
import struct
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from .datasets_tables import Refused

# What reading a damaged file ends with, from the header's length to torch.load.
DAMAGE = (ValueError, LookupError, TypeError, AttributeError, RuntimeError, EOFError, struct.error,
          pickle.UnpicklingError, zipfile.BadZipFile)


def reason_of(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"{error.args[0]} is missing"
    lines = str(error).splitlines()
    return lines[0] if lines else "it is damaged"


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Refused, with the path and the reason, for whatever reading a damaged file raises."""
    try:
        yield
    except Refused:
        raise
    except DAMAGE as error:
        raise Refused(f"{path}: {reason_of(error)}") from error


@contextmanager
def refusals(program: str) -> Iterator[None]:
    """Ends the program with a sentence for what is refused and for files that are missing."""
    try:
        yield
    except Refused as error:
        raise SystemExit(f"{program}: {error}") from None
    except OSError as error:
        reason = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        raise SystemExit(f"{program}: {reason}") from None
