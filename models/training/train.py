"""Fine-tunes the pretrained start on the mixed windows.

Writes WORK/RUN/checkpoint.pt every few hundred steps and goes on from it when started again with
the same options, and at the end WORK/RUN/final.pt with the moving average of the weights. Which
windows a step sees and how they are augmented depends on the seed and the step alone.
"""

from __future__ import annotations

import argparse
import copy
import math
import time
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional

import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy
from tqdm import tqdm

from .model_file import read_own_model
from .network import Network, as_input, published_start
from .refusals import Refused, reading, refusals
from .results import replacing
from .unfold import unfold
from .windows import Augmentation, Batch, WindowSet, augmented_batch

LOSS_SCALE = 20.0
# The options that a run may be continued with others of, since they do not change what it learns.
FREE = ("work", "teacher", "run", "checkpoint_every", "threads")


def freeze_statistics(network: Network) -> None:
    """Batch norm keeps the statistics of AudioSet; its gains and offsets are trained."""
    network.train()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()


def masked_cross_entropy(logits: torch.Tensor, target: torch.Tensor, mask: torch.Tensor,
                         focus: float) -> torch.Tensor:
    """Mean binary cross-entropy over what is not masked; with `focus` above 0 what is already right
    counts less (focal loss, Lin et al., ICCV 2017)."""
    losses = cross_entropy(logits, target, reduction="none")
    if focus > 0.0:
        losses = losses * (1.0 - torch.exp(-losses.detach())) ** focus
    return (losses * mask).sum() / mask.sum().clamp(min=1.0)


def ranking_loss(logits: torch.Tensor, target: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Minus the logarithm of the share that what sounds has in a softmax over the outputs: what
    counts for which output comes first. The mean over the windows in which something sounds."""
    sounding = (target * mask) > 0.0
    some = sounding.any(dim=1)
    everything = logits.masked_fill(mask == 0.0, -1e4).logsumexp(dim=1)
    present = logits.masked_fill(~sounding, -1e4).logsumexp(dim=1)
    return ((everything - present) * some).sum() / some.sum().clamp(min=1)


def loss_of(network: Network, start: Network, batch: Batch,
            options: argparse.Namespace) -> Dict[str, torch.Tensor]:
    """`start`: as published, and never trained; it hears the windows as the network does."""
    windows = as_input(batch.logmel)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=options.bfloat16):
        taught = start.steps(windows)
    # A context of its own: autocast keeps the weights that it has rounded, without their gradients.
    with torch.autocast("cpu", torch.bfloat16, enabled=options.bfloat16):
        steps = network.steps(windows)
    steps = steps.float()
    scores, attention = network.step_logits(steps)
    hidden = network.embed(steps)
    logits = network.pool(network.head(hidden), scores, attention)
    label_loss = masked_cross_entropy(logits, batch.target, batch.mask, options.focus)
    step_loss = masked_cross_entropy(scores, batch.step_target, batch.step_mask, options.focus)
    with torch.no_grad():
        embedding = start.embed(taught.float())
        wanted = start.audioset(embedding)
    probability = torch.sigmoid(wanted)
    classes = cross_entropy(network.audioset(hidden), probability, reduction="none")
    # Less the teacher's own entropy, so that 0 means full agreement.
    classes = (classes - cross_entropy(wanted, probability, reduction="none")).sum(dim=1)
    features = (hidden - embedding).square().mean(dim=1)
    distill_loss = (classes + options.features * features).mean()
    total = (LOSS_SCALE * (label_loss + options.step_loss * step_loss)
             + options.distill * distill_loss)
    ranking = ranking_loss(logits, batch.target, batch.mask)
    if options.ranking > 0.0:
        total = total + options.ranking * ranking
    return {"total": total, "labels": label_loss, "steps": step_loss, "distill": distill_loss,
            "ranking": ranking}


def optimizer_for(network: Network, rate: float, head_rate: float,
                  decay: float) -> torch.optim.Optimizer:
    groups: List[Dict[str, Any]] = []
    for prefix, group_rate in (("features", rate), ("hidden", rate), ("audioset", rate),
                               ("head", head_rate), ("attention", head_rate), ("gate", head_rate)):
        named = [(name, p) for name, p in network.named_parameters() if name.startswith(prefix)]
        for dimensions, group_decay in ((True, decay), (False, 0.0)):
            parameters = [p for _, p in named if (p.dim() > 1) == dimensions]
            groups.append({"params": parameters, "lr": group_rate, "base": group_rate,
                           "weight_decay": group_decay})
    return torch.optim.AdamW([group for group in groups if group["params"]])


def set_rate(optimizer: torch.optim.Optimizer, step: int, steps: int, warm_up: int) -> None:
    """Linear warm-up, then a cosine down to 2% of the rate."""
    if step < warm_up:
        factor = (step + 1) / warm_up
    else:
        done = (step - warm_up) / max(1, steps - warm_up)
        factor = 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done))
    for group in optimizer.param_groups:
        group["lr"] = group["base"] * factor


def update_average(average: Network, network: Network, decay: float) -> None:
    with torch.no_grad():
        for mine, theirs in zip(average.parameters(), network.parameters()):
            mine.lerp_(theirs, 1.0 - decay)


def save(path: Path, content: Dict[str, Any]) -> None:
    with replacing(path) as file:
        torch.save(content, file)


def indices_of(step: int, batch: int, count: int, seed: int) -> np.ndarray:
    """The windows of a step: every epoch is a permutation of all windows."""
    per_epoch = count // batch
    epoch, place = divmod(step, per_epoch)
    order = np.random.default_rng([seed, 1, epoch]).permutation(count)
    return order[place * batch:(place + 1) * batch]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for intermediate results")
    parser.add_argument("--teacher", type=Path, required=True,
                        help="folder with mn04_as_mAP_432.pt and audioset_labels.csv")
    parser.add_argument("--run", default="run", help="name of the folder in WORK")
    parser.add_argument("--from-model", type=Path, metavar="FILE",
                        help="train the float weights of this model file further, which has the "
                             "same labels; the teacher stays the start")
    parser.add_argument("--steps", type=int, default=2400,
                        help="how many; the rate falls to 2%% until the last (default: "
                             "%(default)s)")
    parser.add_argument("--batch", type=int, default=48,
                        help="windows in a step (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=1.2e-3, help="of the backbone")
    parser.add_argument("--head-rate", type=float, default=2e-3,
                        help="rate of the head, its attention and its gate")
    parser.add_argument("--decay", type=float, default=1e-3, help="weight decay")
    parser.add_argument("--distill", type=float, default=1.0, help="weight of the teacher's term")
    parser.add_argument("--features", type=float, default=1.0,
                        help="weight of the pooled features in the teacher's term")
    parser.add_argument("--step-loss", type=float, default=0.5,
                        help="weight of the single steps' labels")
    parser.add_argument("--ranking", type=float, default=0.0,
                        help="weight of a softmax over the outputs, for what comes first; 0: none")
    parser.add_argument("--focus", type=float, default=0.0, help="of the focal loss; 0: none")
    parser.add_argument("--pairs", type=float, default=0.25,
                        help="share of windows to which another window is added")
    parser.add_argument("--filter-db", type=float, default=0.0,
                        help="standard deviation of a random filter's gains; 0: none")
    parser.add_argument("--transpose", type=float, default=0.0, metavar="SEMITONES",
                        help="up to how far each window is transposed, up or down")
    parser.add_argument("--average", type=float, default=0.998, help="of the moving average")
    parser.add_argument("--bfloat16", action="store_true",
                        help="features and their gradients in bfloat16, the weights and the "
                             "optimizer in float32: nearly twice as fast where the processor has "
                             "AVX512-BF16 (lscpu says avx512_bf16), slower elsewhere")
    parser.add_argument("--checkpoint-every", type=int, default=200, help="steps")
    parser.add_argument("--threads", type=int, default=1,
                        help="how many to compute with (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the windows of each step, and of "
                        "how they are augmented")
    return parser.parse_args()


def first_network(start: Network, model: Optional[Path]) -> Network:
    """What training begins with: the start, or the weights of a model file."""
    if model is None:
        return start
    graph = read_own_model(model).network.graph
    with reading(model):
        return unfold(graph, start)


class Run(NamedTuple):
    """What training changes."""

    network: Network
    average: Network
    optimizer: torch.optim.Optimizer

    def state(self) -> Dict[str, Any]:
        return {name: part.state_dict() for name, part in self._asdict().items()}

    def load_state(self, saved: Dict[str, Any]) -> None:
        for name, part in self._asdict().items():
            part.load_state_dict(saved[name])


def begin(start: Network, arguments: argparse.Namespace) -> Run:
    network = first_network(start, arguments.from_model).to(memory_format=torch.channels_last)
    freeze_statistics(network)
    optimizer = optimizer_for(network, arguments.rate, arguments.head_rate, arguments.decay)
    return Run(network, copy.deepcopy(network), optimizer)


def described(arguments: argparse.Namespace, windows: int) -> Dict[str, str]:
    """The options of a run and how many windows it has, as its files hold them."""
    return {**{key: str(value) for key, value in vars(arguments).items()}, "windows": str(windows)}


def saved_part(path: Path, options: Dict[str, str]) -> Optional[Dict[str, Any]]:
    """What a run has saved, if it has; Refused if it began with other options or windows.

    Files of earlier versions say less of how they began, or nothing.
    """
    if not path.exists():
        return None
    with reading(path):
        saved = torch.load(path, map_location="cpu")
    began = saved.get("options", {})
    gone = sorted(set(began) - set(options) - set(FREE))
    if gone:
        raise Refused(f"{path}: the run began with {gone[0].replace('_', '-')}, which is gone; "
                      "take another --run")
    for key, value in options.items():
        if key not in FREE and began.get(key, value) != value:
            raise Refused(f"{path}: the run began with {key.replace('_', '-')} {began[key]}, not "
                          f"{value}; it goes on with the same, or take another --run")
    return saved


def train(run: Run, start: Network, data: WindowSet, first: int,
          arguments: argparse.Namespace) -> None:
    """All steps from the step `first` on."""
    network, average, optimizer = run
    folder = arguments.work / arguments.run
    augmentation = Augmentation(arguments.pairs, arguments.filter_db, arguments.transpose)
    bar = tqdm(range(first, arguments.steps), initial=first, total=arguments.steps, desc="train",
               unit="step")
    started = time.monotonic()
    smooth: Dict[str, float] = {}
    with open(folder / "log.csv", "a", encoding="utf-8") as log:
        for step in bar:
            random = np.random.default_rng([arguments.seed, 2, step])
            indices = indices_of(step, arguments.batch, len(data), arguments.seed)
            batch = augmented_batch(data, indices, augmentation, random)
            set_rate(optimizer, step, arguments.steps, warm_up=200)
            losses = loss_of(network, start, batch, arguments)
            optimizer.zero_grad(set_to_none=True)
            losses["total"].backward()
            nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimizer.step()
            update_average(average, network, min(arguments.average, (1 + step) / (10 + step)))
            for key, value in losses.items():
                smooth[key] = 0.98 * smooth.get(key, value.item()) + 0.02 * value.item()
            if step % 20 == 19:
                bar.set_postfix({key: f"{value:.4f}" for key, value in smooth.items()})
                log.write(f"{step + 1},{smooth['labels']:.5f},{smooth['steps']:.5f},"
                          f"{smooth['distill']:.5f},{smooth['ranking']:.5f},"
                          f"{time.monotonic() - started:.1f}\n")
                log.flush()
            if (step + 1) % arguments.checkpoint_every == 0:
                save(folder / "checkpoint.pt", {**run.state(), "step": step + 1,
                                                "options": described(arguments, len(data))})


def train_run(arguments: argparse.Namespace) -> None:
    folder = arguments.work / arguments.run
    data = WindowSet(arguments.work / "windows")
    if len(data) < arguments.batch:
        raise Refused(f"{arguments.work / 'windows'}: {len(data)} windows, fewer than --batch")
    options = described(arguments, len(data))
    final = folder / "final.pt"
    if saved_part(final, options) is not None:
        print(f"{final}: the run is finished")
        return
    saved = saved_part(folder / "checkpoint.pt", options)
    start = published_start(arguments.teacher)
    run = begin(copy.deepcopy(start), arguments)
    start = start.eval().requires_grad_(False).to(memory_format=torch.channels_last)
    if saved is not None:
        run.load_state(saved)
    folder.mkdir(parents=True, exist_ok=True)
    train(run, start, data, saved["step"] if saved is not None else 0, arguments)
    save(final, {"network": run.average.state_dict(), "step": arguments.steps, "options": options})


def main() -> None:
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    with refusals("train"):
        train_run(arguments)


if __name__ == "__main__":
    main()
