#!/bin/sh
# From nothing to a page that says what plays, on Debian 12:
#
#   sh demo.sh                     on the built-in demo piece
#   sh demo.sh --input default     on the microphone or line input
#   sh demo.sh --config FILE       on what a configuration says
#
# Installs what is needed to build, builds into build/, and starts the daemon in
# the foreground. Further options go to tuttid (see tuttid --help). Ctrl-C stops it.
set -eu
cd "$(dirname "$0")"

case "${1:-}" in
-h | --help)
    sed -n '2,9s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
esac

sh tests/packages.sh build
if [ ! -f build/build.ninja ]; then
    said=$(meson setup build --buildtype=release -Dtests=false 2>&1) || {
        printf '%s\n' "$said"
        exit 1
    }
fi
ninja -C build --quiet daemon/tuttid daemon/tutti

case " $*" in
*' --input'* | *' --config'* | *' -c'*) ;;
*) set -- --config /dev/null --input demo "$@" ;;
esac
exec build/daemon/tuttid "$@"
