"""Tiny data sets in the layouts of the real ones, made of short tones."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Dict, List, Sequence

import numpy as np
import soundfile

MEDLEY_COLUMNS = ("subset", "instrument", "instrument_id", "song_id", "uuid4")
OPENMIC_CLASSES = ("accordion", "banjo", "bass", "cello", "clarinet", "cymbals", "drums", "flute",
                   "guitar", "mallet_percussion", "mandolin", "organ", "piano", "saxophone",
                   "synthesizer", "trombone", "trumpet", "ukulele", "violin", "voice")


def write_tone(path: Path, seconds: float = 3.0, rate: int = 16000, hertz: float = 440.0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    t = np.arange(int(seconds * rate)) / rate
    tone = 0.3 * np.sin(2 * np.pi * hertz * t)
    soundfile.write(path, np.stack([tone, tone], axis=1), rate)


def write_table(path: Path, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *rows])


def make_irmas(folder: Path) -> None:
    training = folder / "IRMAS-TrainingData"
    write_tone(training / "cel" / "[cel][cla]0001__1.wav")
    write_tone(training / "pia" / "[pia][dru][jaz_blu]0002__2.wav")
    write_tone(training / "voi" / "[voi][nod][pop_roc]0003__3.wav")
    testing = folder / "IRMAS-TestingData-Part1" / "Part1"
    write_tone(testing / "01 - A Song-1.wav", 5.2)
    (testing / "01 - A Song-1.txt").write_text("gel\t\nvoi\t\n")
    second = folder / "IRMAS-TestingData-Part2" / "IRTestingData-Part2"
    write_tone(second / "(02) two-3.wav", 4.0)
    (second / "(02) two-3.txt").write_text("sax\t\r\n")


def make_openmic(folder: Path, keys: Sequence[str] = ("000046_3840", "000135_483840"),
                 as_objects: bool = True) -> None:
    for key in keys:
        write_tone(folder / "audio" / key[:3] / f"{key}.ogg", 4.0)
    truth, mask = np.full((len(keys), 20), 0.5), np.zeros((len(keys), 20), bool)
    truth[0, [2, 8]], mask[0, [2, 8]] = (0.9, 0.1), True  # bass there, guitar not
    truth[1, [8, 16]], mask[1, [8, 16]] = (1.0, 0.0), True  # guitar there, trumpet not
    names = np.array(keys, dtype=object if as_objects else str)
    np.savez(folder / "openmic-2018.npz", X=np.zeros((len(keys), 10, 128), np.uint8),
             Y_true=truth, Y_mask=mask, sample_key=names)
    (folder / "class-map.json").write_text(
        json.dumps({name: i for i, name in enumerate(OPENMIC_CLASSES)}))
    (folder / "partitions").mkdir(exist_ok=True)
    (folder / "partitions" / "split01_train.csv").write_text(keys[0] + "\n")
    (folder / "partitions" / "split01_test.csv").write_text(keys[1] + "\n")


def nsynth_note(family: str, source: str, pitch: int) -> Dict[str, object]:
    return {"instrument_family_str": family, "instrument_source_str": source, "pitch": pitch,
            "velocity": 127, "sample_rate": 16000, "qualities_str": []}


def make_nsynth(folder: Path, split: str = "test") -> None:
    notes = {"guitar_acoustic_001-082-127": nsynth_note("guitar", "acoustic", 82),
             "brass_acoustic_006-060-025": nsynth_note("brass", "acoustic", 60),
             "mallet_synthetic_000-048-100": nsynth_note("mallet", "synthetic", 48),
             "synth_lead_synthetic_001-021-050": nsynth_note("synth_lead", "synthetic", 21)}
    root = folder / f"nsynth-{split}"
    for key in notes:
        write_tone(root / "audio" / f"{key}.wav", 4.0)
    (root / "examples.json").write_text(json.dumps(notes))


def medley_rows() -> List[List[str]]:
    return [["test", "clarinet", "0", "000", "0e4371ac-1c6a-51ab-fdb7-f8abd5fbf1a3"],
            ["test", "female singer", "2", "001", "33383119-fd64-59c1-f596-d1a23e8a0eff"],
            ["training", "distorted electric guitar", "1", "139",
             "163fd2b1-8e98-515a-f501-4742cc6d066f"]]


def make_medley(folder: Path) -> None:
    for subset, _, number, _, uuid in medley_rows():
        write_tone(folder / "audio" / f"Medley-solos-DB_{subset}-{number}_{uuid}.wav", 2.97)
    write_table(folder / "Medley-solos-DB_metadata.csv", MEDLEY_COLUMNS, medley_rows())


def make_csv(folder: Path) -> None:
    write_tone(folder / "takes" / "long.flac", 8.0, 44100)
    write_tone(folder / "hum.wav", 1.0, 8000, 50.0)
    write_table(folder / "mine.csv", ("file", "labels", "start_s", "duration_s"),
                [["takes/long.flac", "flute|piano", "0.5", "4"],
                 ["takes/long.flac", "flute", "5", ""], ["hum.wav", "none", "", ""],
                 ["hum.wav", "?", "", ""]])


MAKERS = {"irmas": make_irmas, "openmic": make_openmic, "nsynth": make_nsynth,
          "medley-solos": make_medley, "csv": make_csv}
