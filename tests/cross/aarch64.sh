#!/bin/sh
# Builds everything for 64-bit Arm and tests it under qemu, on a processor without the dot product
# and on one with it, as a Raspberry Pi 4 and 5 have.
#   sh tests/packages.sh cross
#   sh tests/cross/aarch64.sh [BUILD_DIRECTORY [NATIVE_BUILD_DIRECTORY]]
# All unit tests run, and those of the two programs that need no sound device and no page. What
# `tutti analyze` makes of the demo piece is compared with the program of the native build. With the
# dot product only nn/'s unit tests and the programs run again: nothing else of Tutti asks what the
# processor has. Meson's logs are named after the processors.
set -eu
cd "$(dirname "$0")/../.."
build=${1:-build-aarch64}
native=${2:-build}

for tool in aarch64-linux-gnu-gcc qemu-aarch64-static; do
    command -v $tool >/dev/null || {
        echo "aarch64.sh: $tool is not installed: sh tests/packages.sh cross" >&2
        exit 1
    }
done
[ -x "$native/daemon/tutti" ] || {
    echo "aarch64.sh: no $native/daemon/tutti to compare with: build it first" >&2
    exit 1
}
unset QEMU_LD_PREFIX # aarch64.ini says why
TUTTI_NATIVE=$(realpath "$native/daemon/tutti")
export TUTTI_NATIVE

[ -f "$build/build.ninja" ] || meson setup "$build" --cross-file tests/cross/aarch64.ini --werror
ninja -C "$build" --quiet
tests=$(meson test -C "$build" --list --suite unit | sed -n 's/^tutti:unit \/ //p')
[ -n "$tests" ] || {
    echo "aarch64.sh: meson lists no unit tests in $build" >&2
    exit 1
}
programs='cross_piece program_tutti program_analyze program_tuttid program_signals'
status=0
for processor in cortex-a72 cortex-a76; do
    echo "== $build on a $processor"
    rm -f "$build/meson-logs/$processor.json"
    [ $processor = cortex-a72 ] || tests=$(echo "$tests" | grep '^nn/')
    # shellcheck disable=SC2086
    QEMU_CPU=$processor meson test -C "$build" --no-rebuild --print-errorlogs \
        --timeout-multiplier 10 --logbase $processor $tests $programs || status=1
done
exit $status
