#!/bin/sh
# What the two programs for Arm make of the demo piece, in an emulator:
#   piece.sh PIECE MODEL     with TUTTI (emulated) and TUTTI_NATIVE in the environment
# With the fastest kernel it has to be what the portable one gives, to the byte. The native program
# has another FFT and decoder, whose last digits differ, and the network of 8-bit integers turns
# these into some hundredths of probability: the same instruments have to be present, and each
# one's mean has to be the same to 0.01.
set -eu
piece=$1
model=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

case $QEMU_CPU in
cortex-a72) kernel=neon ;;
*) kernel=neon-dot ;;
esac
"$TUTTI" bench --seconds 0.01 --model "$model" | tee "$folder/bench"
grep "^kernel *$kernel (" "$folder/bench"

analyze() {
    "$1" analyze --model "$model" --format json --hop 3 --kernel "$2" "$piece"
}
analyze "$TUTTI" auto >"$folder/auto"
analyze "$TUTTI" portable >"$folder/portable"
cmp "$folder/auto" "$folder/portable"
analyze "$TUTTI_NATIVE" auto >"$folder/native"
python3 - "$folder/auto" "$folder/native" <<'END'
import json
import sys

emulated, native = (json.load(open(path)) for path in sys.argv[1:])
assert len(emulated["frames"]) == len(native["frames"]) > 20
assert sum(i["present"] for i in native["instruments"]) > 5
for ours, theirs in zip(emulated["instruments"], native["instruments"], strict=True):
    print(ours, theirs)
    assert ours["label"] == theirs["label"] and ours["present"] == theirs["present"]
    assert abs(ours["mean"] - theirs["mean"]) <= 0.01
END
