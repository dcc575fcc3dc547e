"""The log-mel front end, exactly as `tutti.frontend` of models/FORMAT.md describes it.

The definition is that of EfficientAT (Schmid, Koutini, Widmer, ICASSP 2023); the mel filters come
from torchaudio's port of Kaldi, so this is independent of the C implementation in dsp/.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torchaudio.compliance import kaldi


@dataclass(frozen=True)
class FrontendConfig:
    """The numbers of the front end; the field names are those of the model file."""

    rate_hz: int = 32000
    fft_frames: int = 1024
    window_frames: int = 800
    window: str = "hann_symmetric"
    hop_frames: int = 320
    mel_bands: int = 128
    low_hz: int = 0
    high_hz: int = 15000
    mel_scale: str = "kaldi"
    preemphasis: float = 0.97
    log_offset: float = 1e-5
    add: float = 4.5
    divide: float = 5.0
    columns: int = 300

    def as_metadata(self) -> dict:
        return asdict(self)


CONFIG = FrontendConfig()


class Frontend:
    """Turns samples (…, n) at rate_hz into log-mel (…, columns, bands), oldest column first."""

    def __init__(self, config: FrontendConfig = CONFIG, dtype: torch.dtype = torch.float32) -> None:
        self.config = config
        self.window = torch.hann_window(config.window_frames, periodic=False, dtype=dtype)
        banks, _ = kaldi.get_mel_banks(
            config.mel_bands, config.fft_frames, float(config.rate_hz),
            float(config.low_hz), float(config.high_hz), 100.0, -500.0, 1.0)
        # Kaldi's filters end below the Nyquist bin; it gets weight 0.
        self.banks = torch.nn.functional.pad(banks, (0, 1)).to(dtype)

    def power(self, samples: torch.Tensor) -> torch.Tensor:
        """Mel powers before the logarithm, (…, columns, bands)."""
        config = self.config
        emphasized = samples[..., 1:] - config.preemphasis * samples[..., :-1]
        spectrum = torch.stft(
            emphasized, config.fft_frames, config.hop_frames, config.window_frames, self.window,
            center=True, pad_mode="reflect", normalized=False, return_complex=True)
        power = spectrum.real.square() + spectrum.imag.square()
        return torch.matmul(self.banks, power).transpose(-1, -2)

    def normalize(self, power: torch.Tensor) -> torch.Tensor:
        config = self.config
        return (torch.log(power + config.log_offset) + config.add) / config.divide

    def __call__(self, samples: torch.Tensor) -> torch.Tensor:
        return self.normalize(self.power(samples))
