"""Writes AUDIO/index.csv for a data set of others, so that `prepare` and `mix` can train on it.

No sound is copied: the index points to the files where they lie. Training splits become the split
`train`, others `eval`, unless --as says otherwise. `mix` takes what is not named for absent, which
would teach wrong things of clips whose labels are not all known. With --unknown unlabelled (the
default) such a clip of a training split serves distillation only, and one of another split is left
out; `absent` takes what is not known for absent all the same, but for clips of which only a family
is known; `skip` leaves all such clips out. `mix` uses clips with one label or none; those with
several are for `evaluate`.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
from collections import Counter
from pathlib import Path
from typing import Dict, List, Optional, Tuple

from tqdm import tqdm

from .datasets import Clip, Layout, indices, mapping_table
from .datasets_layouts import LAYOUTS, load_clips_of
from .datasets_tables import Refused, Row, read_table, sound_length
from .labels import LABELS
from .prepare import COLUMNS, SPLITS, check_row
from .refusals import refusals
from .results import save_text

UNKNOWN = ("unlabelled", "absent", "skip")


def labels_of(clip: Clip) -> str:
    names = [label for label, there in zip(LABELS, clip.target) if there]
    return "|".join(names) or "none"


def is_ambiguous(clip: Clip, layout: Layout) -> bool:
    """Whether a class sounds of which it is not known which label it is."""
    return any(there and not clip.target[indices(meaning)].any()
               for there, meaning in zip(clip.classes, layout.meanings.values()))


def place_of(clip: Clip, layout: Layout, forced: Optional[str], unknown: str
             ) -> Optional[Tuple[str, str]]:
    """The clip's labels and split in the index; None: it is left out."""
    own = clip.fields.get("split", "")
    if forced is None and own and own not in SPLITS:
        raise Refused(f"{clip.place}: unknown split {own!r}; there are {', '.join(SPLITS)}; "
                      "--as gives one to all")
    split = forced or own or (
        "train" if clip.split in (*layout.training_splits, "") else "eval")
    if split == "unlabelled":
        return "?", split
    guessed = unknown == "absent" and clip.known.any() and not is_ambiguous(clip, layout)
    if clip.known.all() or guessed:
        return labels_of(clip), split
    return ("?", "unlabelled") if unknown == "unlabelled" and split == "train" else None


def row_of(clip: Clip, labels: str, split: str, layout: Layout, source: str, folder: Path,
           relative: bool) -> Dict[str, str]:
    length_s = sound_length(clip.path, clip.place)
    if clip.start_s >= length_s:
        raise Refused(f"{clip.place}: starts at {clip.start_s:g} s, after the end of {clip.path} "
                      f"at {length_s:g} s")
    duration_s = length_s - clip.start_s
    if clip.duration_s is not None:
        duration_s = min(duration_s, clip.duration_s)
    path = os.path.abspath(clip.path)
    fields = clip.fields
    return {"file": os.path.relpath(path, folder.resolve()) if relative else path,
            "start_s": f"{clip.start_s:.6f}", "duration_s": f"{duration_s:.6f}",
            "labels": labels, "other_instrument": fields.get("other_instrument", ""),
            "kind": fields.get("kind") or layout.kind, "split": split,
            "source": fields.get("source") or source, "original_name": clip.name}


def rows_of(clips: List[Clip], layout: Layout, arguments: argparse.Namespace
            ) -> List[Dict[str, str]]:
    rows: List[Dict[str, str]] = []
    for clip in tqdm(clips, desc="files", unit="clip"):
        place = place_of(clip, layout, arguments.as_split, arguments.unknown)
        if place is None:
            continue
        try:
            values = row_of(clip, *place, layout, arguments.source or arguments.dataset[0],
                            arguments.output, arguments.relative)
        except Refused as error:
            if not arguments.leave_out_broken:
                raise
            print(f"left out: {error}")
            continue
        check_row(Row(clip.place, values))
        rows.append(values)
    return rows


def write_index(path: Path, rows: List[Dict[str, str]], append: bool) -> None:
    before: List[Dict[str, str]] = []
    if path.exists():
        if not append:
            raise Refused(f"{path}: is there already; --append adds to it")
        before = [row.values for row in read_table(path, COLUMNS)]
    path.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerows(before + rows)
    save_text(path, text.getvalue())


def import_dataset(arguments: argparse.Namespace) -> None:
    name, path = arguments.dataset[0], Path(arguments.dataset[1])
    if name not in LAYOUTS:
        raise Refused(f"unknown data set {name!r}; there are {', '.join(LAYOUTS)}")
    layout = LAYOUTS[name]
    splits = [arguments.split] if arguments.split else layout.training_splits
    clips = [clip for split in splits for clip in load_clips_of(name, path, split)]
    rows = rows_of(clips, layout, arguments)
    if not rows:
        raise Refused(f"{path}: no clip can be used with --unknown {arguments.unknown}; "
                      "see --help")
    write_index(arguments.output / "index.csv", rows, arguments.append)
    print(mapping_table(layout.meanings))
    print(f"\n{len(clips)} clips, {len(rows)} of them in {arguments.output / 'index.csv'}:")
    for (split, labels), count in sorted(Counter((row["split"], row["labels"])
                                                 for row in rows).items()):
        print(f"{split:12} {labels}: {count}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", nargs=2, metavar=("NAME", "PATH"), required=True,
                        help=", ".join(LAYOUTS))
    parser.add_argument("--output", type=Path, required=True, metavar="AUDIO",
                        help="folder for index.csv")
    parser.add_argument("--split", help="of the data set (default: its training split)")
    parser.add_argument("--as", dest="as_split", choices=SPLITS, help="split of the index")
    parser.add_argument("--unknown", choices=UNKNOWN, default="unlabelled",
                        help="what becomes of clips with labels that are not known")
    parser.add_argument("--source", help="name of the source (default: the data set's)")
    parser.add_argument("--relative", action="store_true", help="paths relative to AUDIO")
    parser.add_argument("--append", action="store_true", help="to an index that is there")
    parser.add_argument("--leave-out-broken", action="store_true",
                        help="leave out what has no sound file that can be read")
    with refusals("import_dataset"):
        import_dataset(parser.parse_args())


if __name__ == "__main__":
    main()
