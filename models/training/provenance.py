"""What a model file tells of its weights: start, sources and licences, and the command."""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any, Dict

import torch

from .model_file import read_model
from .refusals import Refused, reading
from .train import FREE

START = ("MobileNetV3 mn04_as by Schmid, Koutini, Widmer (ICASSP 2023), MIT licence, "
         "trained on AudioSet (CC BY 4.0)")
SOURCES = {
    "Philharmonia Orchestra sound samples": "CC BY-SA 3.0",
    "Karoryfer Weresax; Black And Green Guitars": "CC0",
    "Salamander Grand Piano, Alexander Holm": "CC BY 3.0",
    "tonejs-instruments": "CC BY 3.0",
    "vocobox human voice dataset": "MIT",
    "Berklee College of Music sample archive": "CC BY 3.0",
    "Sonic Pi sample set": "CC0",
    "Discord SFZ GM Bank": "CC0 or CC BY",
    "Versilian Community Sample Library": "CC0",
    "music of Open Surge (distillation only)": "CC BY-SA or CC BY",
    "Freesound clips of FSDKaggle2018": "CC0 or CC BY",
    "soundfont FluidR3 GM, Frank Wen": "MIT",
    "soundfont TimGM6mb, Tim Brechbill": "GPL-2",
    "soundfont of csound (sf_GMbank)": "public domain",
    "soundfont MuseScore_General, S. Christian Collins and others": "MIT",
    "patches of freepats": "GPL-2+ with an exception for music",
    "instruments and world music of GCompris": "GPL-3+ and other free licences",
    "songs of Frets on Fire by Muldjord; by Carlos Viola Iborra": "CC BY-SA 3.0; MIT",
    "drum kits of hydrogen-drumkits": "GPL-2+ and other free licences",
    "guitar strums of belofilms, Gabriel Verdugo Soto": "CC BY 3.0",
    "instruments of qABCs; of LMMS; of Tux Paint's stamps": "GPL-3+; GPL-2+; GPL-2",
    "presets of LMMS and of ZynAddSubFX": "GPL-2+",
    "tonewheel organ setBfree": "GPL-2+",
    "actors of Fish Fillets": "GPL-2",
    "prompts of Asterisk: Allison Smith, June Wallack; Maxim, Carlo Flora":
        "CC BY-SA 3.0; CC BY 3.0",
    "music of Wesnoth and of Fish Fillets (distillation only)": "GPL-2",
    "music of HyperRogue, Shawn Parrotte, Lincoln Domina, Will Savino (distillation only)":
        "CC BY-SA 3.0",
}
SHIPPED_LICENCE = "GPL-2.0-or-later, as Tutti; attribution to the start and the sources below"
OTHER_LICENCE = "those of the start and of the sources below"

# What of the command changes the result, whatever the weights are from.
OPTIONS = ("seed", "alarm_weight", "entry_odds")
QUANTIZING = ("calibration_windows", "percentile", "tune_steps", "tune_batch", "tune_rate",
              "tune_range_rate", "tune_seed")


def read_sources(path: Path) -> Dict[str, str]:
    """A JSON object of sources and their licences."""
    with reading(path):
        sources = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(sources, dict) or not all(isinstance(x, str) for x in sources.values()):
        raise Refused(f"{path}: it is no JSON object of names and licences")
    return sources


def claims_of(model: Path) -> Dict[str, Any]:
    """What a model file says of where its weights are from."""
    training = read_model(model).metadata["tutti.training"]
    return {key: training[key] for key in ("start", "sources", "licence") if key in training}


def provenance(arguments: argparse.Namespace) -> Dict[str, Any]:
    """Where the float weights are from: by --sources, by the model file that they are taken from,
    or what the recipe trains on. What is blended in brings its sources along."""
    if arguments.model is not None:
        claims = claims_of(arguments.model)
    elif arguments.teacher is not None:
        claims = {"start": START, "licence": "that of the start"}
    else:
        claims = {"start": START, "sources": SOURCES, "licence": SHIPPED_LICENCE}
    if arguments.sources is not None:
        claims.update(sources=read_sources(arguments.sources), licence=OTHER_LICENCE)
    if arguments.blend is not None:
        more = claims_of(arguments.blend).get("sources", {})
        if more and "sources" not in claims:
            claims["licence"] = OTHER_LICENCE
        claims["sources"] = {**more, **claims.get("sources", {})}
    return claims


def run_options(options: Dict[str, str]) -> Dict[str, str]:
    """Those of a run that change its result; of files no more than the name."""
    return {key: Path(value).name if key == "from_model" else value
            for key, value in options.items() if key not in FREE}


def runs_of(network: Path) -> Dict[str, Any]:
    """What a .pt file of train or average tells of the runs that it is from."""
    with reading(network):
        saved = torch.load(network, map_location="cpu")
    if "runs" not in saved:
        options = saved.get("options", {})
        return {"runs": {options.get("run", network.parent.name): run_options(options)}}
    known = saved.get("options", {})
    return {"share": saved["share"],
            "runs": {run: run_options(known.get(run, {})) for run in saved["runs"]}}


def command(arguments: argparse.Namespace) -> Dict[str, Any]:
    """The options of the export that its result depends on."""
    used = OPTIONS + (("keep_integers",) if arguments.keep_integers else QUANTIZING)
    told: Dict[str, Any] = {key: getattr(arguments, key) for key in used}
    if arguments.network is not None:
        told.update(network=arguments.network.name, **runs_of(arguments.network))
    for key in ("model", "blend"):
        path = getattr(arguments, key)
        if path is not None:
            told[key] = path.name
            told[f"{key}_sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    if arguments.blend is not None:
        told["blend_share"] = arguments.blend_share
    return told
