"""The network: a MobileNetV3 (width 0.4) over log-mel, and how it starts from AudioSet's weights.

Architecture and starting weights: Schmid, Koutini, Widmer, "Efficient large-scale audio tagging
via transformer-to-CNN knowledge distillation", ICASSP 2023 (`mn04_as`). Parameter names are those
of that state dict. Inside this module tensors are (windows, channels, mel bands, columns).
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import torch
from torch import nn

from .depthwise import Depthwise
from .labels import OUTPUTS, audioset_rows

BATCH_NORM_EPSILON = 1e-3
AUDIOSET_CLASSES = 527
WEIGHTS_FILE, CLASSES_FILE = "mn04_as_mAP_432.pt", "audioset_labels.csv"


@dataclass(frozen=True)
class Block:
    """One inverted-residual block."""

    channels_in: int
    expanded: int
    channels_out: int
    kernel: int
    stride: int
    squeezed: int  # 0: no squeeze-excite
    hardswish: bool

    @property
    def expands(self) -> bool:
        return self.expanded != self.channels_in

    @property
    def residual(self) -> bool:
        return self.stride == 1 and self.channels_in == self.channels_out


STEM_CHANNELS = 8
BLOCKS: Tuple[Block, ...] = (
    Block(8, 8, 8, 3, 1, 0, False),
    Block(8, 24, 16, 3, 2, 0, False),
    Block(16, 32, 16, 3, 1, 0, False),
    Block(16, 32, 16, 5, 2, 8, False),
    Block(16, 48, 16, 5, 1, 16, False),
    Block(16, 48, 16, 5, 1, 16, False),
    Block(16, 96, 32, 3, 2, 0, True),
    Block(32, 80, 32, 3, 1, 0, True),
    Block(32, 72, 32, 3, 1, 0, True),
    Block(32, 72, 32, 3, 1, 0, True),
    Block(32, 192, 48, 3, 1, 48, True),
    Block(48, 272, 48, 3, 1, 72, True),
    Block(48, 272, 64, 5, 2, 72, True),
    Block(64, 384, 64, 5, 1, 96, True),
    Block(64, 384, 64, 5, 1, 96, True),
)
LAST_CHANNELS = 384
HIDDEN = 512
GATE_START = 1.5  # a share of 0.82 for the mean


class ConvNorm(nn.Sequential):
    """A convolution, its batch norm, and perhaps an activation.

    With frozen statistics the norm is a factor and an offset per channel. They go into the weights
    and the bias, as in the model file, which spares training two passes over every output.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        conv, norm = self[0], self[1]
        if norm.training:
            return super().forward(x)
        gain = norm_gain(norm).float()
        y = convolved(x, conv, conv.weight * gain[:, None, None, None],
                      norm.bias - norm.running_mean * gain)
        return self[2](y) if len(self) > 2 else y


def norm_gain(norm: nn.BatchNorm2d) -> torch.Tensor:
    """What a batch norm with frozen statistics multiplies each channel by, in float64."""
    return norm.weight.double() * torch.rsqrt(norm.running_var.double() + norm.eps)


def convolved(x: torch.Tensor, conv: nn.Conv2d, weight: torch.Tensor,
              bias: torch.Tensor) -> torch.Tensor:
    """As `conv` does it, with other weights."""
    if torch.is_autocast_cpu_enabled() and conv.groups > 1 and conv.kernel_size == (5, 5):
        dtype = torch.get_autocast_cpu_dtype()
        return Depthwise.apply(x.to(dtype), weight.to(dtype), bias.to(dtype), conv.stride[0])
    return nn.functional.conv2d(x, weight, bias, conv.stride, conv.padding, conv.dilation,
                                conv.groups)


def conv_norm(channels_in: int, channels_out: int, kernel: int, stride: int = 1, groups: int = 1,
              activation: Optional[nn.Module] = None) -> ConvNorm:
    layers: List[nn.Module] = [
        nn.Conv2d(channels_in, channels_out, kernel, stride, (kernel - 1) // 2, groups=groups,
                  bias=False),
        nn.BatchNorm2d(channels_out, eps=BATCH_NORM_EPSILON, momentum=0.01)]
    if activation is not None:
        layers.append(activation)
    return ConvNorm(*layers)


class SqueezeExcite(nn.Module):
    """Scales channels by a gate computed from their means."""

    class Gate(nn.Module):
        def __init__(self, channels: int, squeezed: int) -> None:
            super().__init__()
            self.fc1 = nn.Linear(channels, squeezed)
            self.fc2 = nn.Linear(squeezed, channels)

        def forward(self, pooled: torch.Tensor) -> torch.Tensor:
            return torch.sigmoid(self.fc2(torch.relu(self.fc1(pooled))))

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.conc_se_layers = nn.ModuleList([self.Gate(channels, squeezed)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.conc_se_layers[0](x.mean(dim=(2, 3)))[:, :, None, None]


class InvertedResidual(nn.Module):
    """Expansion, depthwise, squeeze-excite, projection; each stage is there only if asked for."""

    def __init__(self, config: Block) -> None:
        super().__init__()
        self.config = config
        activation = nn.Hardswish() if config.hardswish else nn.ReLU(inplace=True)
        stages: List[nn.Module] = []
        if config.expands:
            stages.append(conv_norm(config.channels_in, config.expanded, 1, activation=activation))
        stages.append(conv_norm(config.expanded, config.expanded, config.kernel, config.stride,
                                config.expanded, activation))
        if config.squeezed:
            stages.append(SqueezeExcite(config.expanded, config.squeezed))
        stages.append(conv_norm(config.expanded, config.channels_out, 1))
        self.block = nn.Sequential(*stages)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.block(x)
        return x + y if self.config.residual else y


class Network(nn.Module):
    """Log-mel windows (n, 1, bands, columns) to logits (n, outputs).

    The head works on every time step of the last features (0.32 s each) and on their mean, which is
    what the classifier of the start saw. One learnt attention per output pools the steps (Ilse,
    Tomczak, Welling, "Attention-based deep multiple instance learning", ICML 2018), and one learnt
    gate per output mixes that with the score of the mean: attention alone would cost the untrained
    start 0.04 of mAP on real clips.
    With `keep_audioset` the 527 outputs of the start remain as a second head for distillation.
    """

    def __init__(self, outputs: int, keep_audioset: bool = False) -> None:
        super().__init__()
        layers: List[nn.Module] = [conv_norm(1, STEM_CHANNELS, 3, 2, activation=nn.Hardswish())]
        layers += [InvertedResidual(config) for config in BLOCKS]
        layers.append(conv_norm(BLOCKS[-1].channels_out, LAST_CHANNELS, 1,
                                activation=nn.Hardswish()))
        self.features = nn.Sequential(*layers)
        self.hidden = nn.Linear(LAST_CHANNELS, HIDDEN)
        self.head = nn.Linear(HIDDEN, outputs)
        self.attention = nn.Linear(HIDDEN, outputs)
        self.gate = nn.Parameter(torch.full((outputs,), GATE_START))
        self.audioset = nn.Linear(HIDDEN, AUDIOSET_CLASSES) if keep_audioset else None

    def steps(self, windows: torch.Tensor) -> torch.Tensor:
        """Features per time step, (n, steps, LAST_CHANNELS)."""
        # Contiguous, since a linear layer of anything else is many small products.
        return self.features(windows).mean(dim=2).transpose(1, 2).contiguous()

    def embed(self, steps: torch.Tensor) -> torch.Tensor:
        """What the classifier of the start saw: the mean over time, (n, HIDDEN)."""
        return nn.functional.hardswish(self.hidden(steps.mean(dim=1)))

    def step_logits(self, steps: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
        """Scores and attention logits, each (n, steps, outputs)."""
        hidden = nn.functional.hardswish(self.hidden(steps))
        return self.head(hidden), self.attention(hidden)

    def pool(self, of_mean: torch.Tensor, scores: torch.Tensor,
             attention: torch.Tensor) -> torch.Tensor:
        """Logits of a window from the score of the mean (n, outputs) and those of its steps."""
        of_steps = (torch.softmax(attention, dim=1) * scores).sum(dim=1)
        return of_steps + torch.sigmoid(self.gate) * (of_mean - of_steps)

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        steps = self.steps(windows)
        return self.pool(self.head(self.embed(steps)), *self.step_logits(steps))


def load_start(path: Path) -> Dict[str, torch.Tensor]:
    """The state dict of the pretrained start, with this module's names for the classifier."""
    state = torch.load(path, map_location="cpu")
    renamed = {}
    for key, value in state.items():
        if key.startswith("classifier.2."):
            key = key.replace("classifier.2.", "hidden.")
        elif key.startswith("classifier.5."):
            key = key.replace("classifier.5.", "audioset.")
        renamed[key] = value
    return renamed


def class_names(path: Path) -> List[str]:
    """Display names of AudioSet's classes in the order of the outputs."""
    with open(path, newline="", encoding="utf-8") as file:
        return [row["display_name"] for row in csv.DictReader(file)]


def start_network(weights: Path, classes: Path, bias: float = 2.0,
                  outputs: Sequence[str] = OUTPUTS) -> Network:
    """The network before any training: its head is the mean of the mapped AudioSet rows, and its
    attention is even.

    `bias` is added to the head, because AudioSet's classes are rare and its outputs low.
    """
    state = load_start(weights)
    rows = audioset_rows(class_names(classes))
    weight, offset = state["audioset.weight"], state["audioset.bias"]
    state["head.weight"] = torch.stack([weight[rows[label]].mean(dim=0) for label in outputs])
    state["head.bias"] = torch.stack([offset[rows[label]].mean() for label in outputs]) + bias
    state["attention.weight"] = torch.zeros_like(state["head.weight"])
    state["attention.bias"] = torch.zeros_like(state["head.bias"])
    state["gate"] = torch.full_like(state["head.bias"], GATE_START)
    network = Network(len(outputs), keep_audioset=True)
    network.load_state_dict(state)
    return network.eval()


def published_start(folder: Path) -> Network:
    """start_network from the files of the release and of AudioSet, by their names in `folder`."""
    return start_network(folder / WEIGHTS_FILE, folder / CLASSES_FILE)


def load_network(path: Path) -> Network:
    """A network saved by train or average."""
    return network_of(torch.load(path, map_location="cpu"))


def network_of(saved: Mapping[str, Any]) -> Network:
    """The network in what such a file holds."""
    state = saved["network"]
    network = Network(state["head.weight"].shape[0], "audioset.weight" in state)
    network.load_state_dict(state)
    return network.eval()


def as_input(logmel: torch.Tensor) -> torch.Tensor:
    """Log-mel windows (n, columns, bands) as the network's input (n, 1, bands, columns)."""
    return logmel.transpose(1, 2).unsqueeze(1).contiguous(memory_format=torch.channels_last)
