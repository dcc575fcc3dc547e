"""OpenMIC-2018: its layout and classes. Its arrays are read without running what a pickle says."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Dict, List, Tuple

import numpy as np

from .datasets import Clip, Meaning, Statement, make_clip
from .datasets_tables import Refused, read_json, read_lines

OPENMIC: Dict[str, Meaning] = {
    "accordion": Meaning(("accordion",)), "banjo": Meaning(("banjo",)),
    "bass": Meaning(("bass",)), "cello": Meaning(("cello",)), "clarinet": Meaning(("clarinet",)),
    "cymbals": Meaning(("drums",), False, "dubious: one part of the drums, or of an orchestra"),
    "drums": Meaning(("drums",)), "flute": Meaning(("flute",)),
    "guitar": Meaning(("acoustic_guitar", "electric_guitar"), False, "either"),
    "mallet_percussion": Meaning(("mallet_percussion",)), "mandolin": Meaning(("mandolin",)),
    "organ": Meaning(("organ",)), "piano": Meaning(("piano",)),
    "saxophone": Meaning(("saxophone",)), "synthesizer": Meaning(("synthesizer",)),
    "trombone": Meaning(("trombone",)), "trumpet": Meaning(("trumpet",)),
    "ukulele": Meaning(("ukulele",)), "violin": Meaning(("violin",)),
    "voice": Meaning(("voice",), remark="dubious: also speaking, which is no voice for Tutti"),
}
ALLOWED = {("numpy", "ndarray"), ("numpy", "dtype"), ("_codecs", "encode"),
           ("numpy.core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "_reconstruct")}


class TextUnpickler(pickle.Unpickler):
    """Unpickles arrays of texts, which is what sample_key is, and nothing that could act."""

    def find_class(self, module: str, name: str) -> object:
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"{module}.{name} is not allowed")
        return super().find_class(module, name)


def read_member(path: Path, archive: zipfile.ZipFile, name: str) -> np.ndarray:
    try:
        with archive.open(f"{name}.npy") as file:
            version = np.lib.format.read_magic(file)
            if version not in ((1, 0), (2, 0)):
                raise ValueError(f"version {version} of the format")
            read_header = (np.lib.format.read_array_header_1_0 if version == (1, 0)
                           else np.lib.format.read_array_header_2_0)
            shape, fortran, dtype = read_header(file)
            if dtype.hasobject:
                array = np.asarray(TextUnpickler(file).load())
            else:
                array = np.frombuffer(file.read(), dtype)
            return array.reshape(shape, order="F" if fortran else "C")
    except KeyError:
        raise Refused(f"{path}: has no array {name}") from None
    except Exception as error:  # unpickling may raise anything
        raise Refused(f"{path}: the array {name} cannot be read: {error}") from None


def read_arrays(path: Path) -> Tuple[np.ndarray, np.ndarray, List[str]]:
    """Y_true, Y_mask and sample_key."""
    try:
        with zipfile.ZipFile(path) as archive:
            truth, mask, keys = (read_member(path, archive, name)
                                 for name in ("Y_true", "Y_mask", "sample_key"))
    except FileNotFoundError:
        raise Refused(f"{path}: there is no such file") from None
    except (zipfile.BadZipFile, OSError) as error:
        raise Refused(f"{path}: not an archive of arrays: {error}") from None
    shape = (keys.size, len(OPENMIC))
    if keys.ndim != 1 or truth.shape != shape or mask.shape != shape:
        raise Refused(f"{path}: Y_true {truth.shape}, Y_mask {mask.shape} and sample_key "
                      f"{keys.shape} do not belong together")
    if truth.dtype.kind not in "fiub" or not np.isfinite(truth).all():
        raise Refused(f"{path}: Y_true holds what is not a number")
    return truth, mask.astype(bool), [str(key) for key in keys]


def read_classes(path: Path) -> List[str]:
    """The classes in the order of the arrays' columns."""
    places = read_json(path)
    unknown = sorted(set(places) - set(OPENMIC))
    if unknown:
        raise Refused(f"{path}: unknown label {unknown[0]!r}")
    names = sorted(places, key=lambda name: str(places[name]).zfill(3))
    if [places[name] for name in names] != list(range(len(OPENMIC))):
        raise Refused(f"{path}: the classes are not numbered from 0 to {len(OPENMIC) - 1}")
    return names


def openmic(path: Path, split: str) -> List[Clip]:
    """OpenMIC-2018: clips of 10 s, some of 20 classes said to be present or absent, the others
    unknown. A clip's probability is the mean over its windows of 3 s, one second apart; `guitar` is
    the more probable of the two guitars. A relevance of 0.5 or more is present. What is unknown is
    left out of every figure (Humphrey, Durand and McFee 2018); their split01 is used."""
    archive, partition = path / "openmic-2018.npz", path / "partitions" / f"split01_{split}.csv"
    classes = read_classes(path / "class-map.json")
    truth, mask, keys = read_arrays(archive)
    rows = {key: row for row, key in enumerate(keys)}
    clips: List[Clip] = []
    for place, key in read_lines(partition):
        if key not in rows:
            raise Refused(f"{place}: {key!r} is not in {archive.name}")
        row = rows[key]
        present = frozenset(name for j, name in enumerate(classes)
                            if mask[row, j] and truth[row, j] >= 0.5)
        absent = frozenset(name for j, name in enumerate(classes)
                           if mask[row, j] and truth[row, j] < 0.5)
        sound = path / "audio" / key[:3] / f"{key}.ogg"
        clips.append(make_clip(OPENMIC, Statement(present, absent, absent), sound, place, split))
    return clips
