"""Tutti's network beside other engines with the same network, one thread each, taking turns.

    /usr/bin/python3 tests/bench/peers/compare.py [--build DIR] [--rounds N] [MODEL]

Every engine is a program of its own (peer.h) that gets the same windows; they run one after the
other, round after round (A B C A B C ...), so that whatever else the machine does meets all of
them alike. Prints a table with the least and the median time, their ratio to Tutti's int8 network,
and by how much the probabilities differ from those of Tutti's float network. Ends with 1 if a float
engine computes something else, or a program fails. An engine that was not built is said to be
missing. README.md says how to get them.
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
FOLDER = Path(__file__).resolve().parent
ABSENT = 3  # exit status of a peer that this machine cannot run
FLOAT_DIFFERENCE = 1e-3  # of a probability, from which on a float engine computes something else
WINDOWS = 16  # on which outputs are compared; the first one is timed

ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def write_windows(build, model, sound, path):
    """Windows of a recording, evenly spaced over it."""
    with open(path, "wb") as windows:
        subprocess.run([Path(build) / "tests/bench/peers/peer_windows", model, sound, str(WINDOWS)],
                       stdout=windows, check=True)


def commands(build, model, windows):
    """What is compared: name of the program or library if it is missing, command, whether float."""
    built = Path(build) / "tests/bench/peers"
    common = [str(model), str(windows)]
    torch = [sys.executable, str(FOLDER / "peer_torch.py"), *common]
    return [
        ("Tutti int8", [str(built / "peer_tutti"), *common], False),
        ("Tutti float, OpenBLAS", [str(built / "peer_tutti"), *common, "float"], True),
        ("PyTorch float", torch, True),
        ("PyTorch float, channels last", [*torch, "--channels-last"], True),
        ("XNNPACK float", [str(built / "peer_xnnpack"), *common], True),
        ("XNNPACK int8", [str(built / "peer_xnnpack_int8"), *common], False),
        ("ncnn float", [str(built / "peer_ncnn"), *common, "float"], True),
        ("ncnn int8", [str(built / "peer_ncnn"), *common, "int8"], False),
    ]


class Peer:
    """One engine, running and waiting for its turn."""

    def __init__(self, name, command, is_float):
        self.name, self.is_float, self.times = name, is_float, []
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True,
                                        env={**os.environ, **ONE_THREAD})
        line = self.process.stdout.readline()
        if not line:
            self.complaint = self.process.stderr.read().strip().split("\n")[-1]
            self.status = self.process.wait()
            return
        self.status = None
        said = json.loads(line)
        self.name, self.probabilities = said["name"], said["probabilities"]

    def turn(self, runs):
        self.process.stdin.write(f"{runs}\n")
        self.process.stdin.flush()
        times = [float(time) for time in self.process.stdout.readline().split()]
        if len(times) != runs:
            raise SystemExit(f"{self.name}: {self.process.stderr.read()}")
        return times

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def start(build, model, windows):
    """The peers that there are; False beside them if one failed."""
    peers, sound = [], True
    for name, command, is_float in commands(build, model, windows):
        if not Path(command[0]).exists():
            print(f"{name}: not found (no {command[0]})")
            continue
        peer = Peer(name, command, is_float)
        if peer.status is None:
            peers.append(peer)
        elif peer.status == ABSENT or "No module named" in peer.complaint:
            print(f"{name}: not here ({peer.complaint})")
        else:
            print(f"{name}: FAILED ({peer.complaint})")
            sound = False
    return peers, sound


def logit(probability):
    probability = min(max(probability, 1e-9), 1 - 1e-9)
    return math.log(probability / (1 - probability))


def differences(peer, reference):
    """The largest of all windows and labels: of probabilities, of their logits."""
    pairs = [(one, other) for window, reference_window
             in zip(peer.probabilities, reference.probabilities)
             for one, other in zip(window, reference_window)]
    return (max(abs(one - other) for one, other in pairs),
            max(abs(logit(one) - logit(other)) for one, other in pairs))


def print_table(peers, reference):
    first = peers[0]
    print(f"{'engine':40} {'min ms':>8} {'median':>8} {'min':>7} {'median':>7} "
          f"{'probability':>12} {'logit':>8}")
    print(f"{'':40} {'':>8} {'ms':>8} {'ratio':>7} {'ratio':>7} {'difference':>12} {'diff.':>8}")
    sound = True
    for peer in peers:
        least, median = min(peer.times), statistics.median(peer.times)
        probability, of_logit = differences(peer, reference)
        wrong = peer.is_float and not probability <= FLOAT_DIFFERENCE
        sound = sound and not wrong
        print(f"{peer.name:40} {least:8.3f} {median:8.3f} {least / min(first.times):7.2f} "
              f"{median / statistics.median(first.times):7.2f} {probability:12.2g} "
              f"{of_logit:8.2g}{'  SOMETHING ELSE' if wrong else ''}")
    return sound


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=ROOT / "build-release", help="a release build")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--runs", type=int, default=10, help="windows that each does in a round")
    parser.add_argument("--sound", default=ROOT / "daemon/demo/piece.opus",
                        help="the recording that the windows are of")
    parser.add_argument("model", nargs="?", default=ROOT / "models/tutti-20.safetensors")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        windows = Path(folder) / "windows"
        write_windows(arguments.build, arguments.model, arguments.sound, windows)
        peers, sound = start(arguments.build, arguments.model, windows)
        reference = [peer for peer in peers if peer.name.startswith("Tutti float")]
        if not reference:
            raise SystemExit("Tutti's float network is missing: is --build right?")
        for _ in range(arguments.rounds):
            for peer in peers:
                peer.times += peer.turn(arguments.runs)
        print(f"\n{arguments.rounds} rounds of {arguments.runs} windows each, one thread; ratios "
              f"are to {peers[0].name},\ndifferences to {reference[0].name}\n")
        sound = print_table(peers, reference[0]) and sound
        for peer in peers:
            peer.end()
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
