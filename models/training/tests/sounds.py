"""Sounds that tests of more than one file are made of."""

from __future__ import annotations

import numpy as np

from ..effects import RATE_HZ


def tone(level: float, seconds: float = 0.5) -> np.ndarray:
    """A constant, which has a level and nothing else."""
    return np.full(int(seconds * RATE_HZ), int(level * 32767), np.int16)
