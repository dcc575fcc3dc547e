#!/bin/sh
# Builds nn/ and dsp/ for 64-bit Arm and runs their unit tests under qemu, on a processor with
# everything and on one without the dot product, as a Raspberry Pi 5 and 4 have.
#   sh tests/cross/aarch64.sh [BUILD_DIRECTORY]
# What has to be installed is in aarch64.ini.
set -eu
cd "$(dirname "$0")/../.."
build=${1:-build-aarch64}

[ -f "$build/build.ninja" ] || meson setup "$build" --cross-file tests/cross/aarch64.ini --werror

tests=$(meson test -C "$build" --list 2>/dev/null | grep -oE '(nn|dsp)/[a-z0-9_]+$')
programs=$(for test in $tests; do echo "tests/${test%/*}/test_${test#*/}"; done)
# shellcheck disable=SC2086
ninja -C "$build" $programs
for processor in max cortex-a72; do
    echo "== $processor"
    # shellcheck disable=SC2086
    QEMU_CPU=$processor meson test -C "$build" --no-rebuild --print-errorlogs \
        --timeout-multiplier 10 $tests
done
