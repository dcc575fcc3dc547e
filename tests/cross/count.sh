#!/bin/sh
# Counts the Arm instructions that each layer of a model takes, under qemu:
#   sh tests/cross/count.sh [BUILD_DIRECTORY [MODEL]]
# once with the kernels for Armv8.0 and once with those for the dot product (KERNELS in the
# environment names others). The build directory is one that aarch64.sh made. The counts are exact
# and the same in every run; time they are not. A minute or two.
set -eu
cd "$(dirname "$0")/../.."
build=${1:-build-aarch64}
model=${2:-models/tutti-20.safetensors}
program=$build/tests/cross/count_layers
unset QEMU_LD_PREFIX # aarch64.ini says why
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
ninja -C "$build" --quiet tests/cross/count_layers >&2

# Reading the model would be most of the trace: the two functions that do most of it are left out.
ranges=0x0..
for place in $(aarch64-linux-gnu-nm -S "$program" | sort |
    sed -nE 's/^0*(\w+) 0*(\w+) t (hash_block|read_weights)$/0x\1+0x\2/p'); do
    ranges=$ranges${place%+*},$(printf '0x%x' $((${place%+*} + ${place#*+})))..
done
ranges=${ranges}0xffffffffffff

# qemu writes each block of instructions down when it translates it, and the block's address
# whenever it runs it: sizes times runs are the instructions. The program goes first, with a line
# for each layer; in the trace its two functions say where the run begins and a layer ends.
for kernel in ${KERNELS:-neon neon-dot}; do
    mkfifo "$folder/$kernel"
    qemu-aarch64-static -cpu max -dfilter "$ranges" -d in_asm,exec,nochain -D "$folder/$kernel" \
        "$program" "$model" "$kernel" >"$folder/layers" &
    awk '
        /^0x/ { block++; next }
        !/^Trace/ { next }
        {
            split($4, part, "/")
            if (block) size[part[2]] = block
            block = 0
        }
        $5 == "run_begins" { runs = 1; next }
        !runs { next }
        $5 == "layer_done" { layer++; next }
        { count[layer + 0] += size[part[2]] }
        END { for (i = 0; i < layer; i++) print i, count[i] }
    ' "$folder/$kernel" >"$folder/counts"
    wait $!
    printf '\n%-10s %-34s %-14s %8s %12s %12s %8s\n' kernel layer kind channels multiply-adds \
        instructions each
    awk -v kernel="$kernel" '
        NR == FNR { count[$1] = $2; next }
        {
            printf "%-10s %-34s %-14s %8d %12d %12d", kernel, $5, $4, $3, $2, count[$1]
            if ($2 > 0) printf " %8.3f", count[$1] / $2
            print ""
            if ($4 == "pointwise" && $3 >= 32 && $2 >= 100000) {
                wide += count[$1]; wide_products += $2
                if (count[$1] / $2 > most) { most = count[$1] / $2; where = $5 }
            }
            all += count[$1]; products += $2
            kind[$4] += count[$1]
        }
        END {
            for (k in kind)
                printf "%s %s: %d instructions, %.1f%%\n", kernel, k, kind[k], 100 * kind[k] / all
            printf "%s: 1x1 layers of 32 or more channels: %.3f instructions for each multiply-add," \
                " most %.3f in %s\n", kernel, wide / wide_products, most, where
            printf "%s: the whole network: %d instructions, %.3f for each multiply-add\n", kernel, \
                all, all / products
        }' "$folder/counts" "$folder/layers"
done
