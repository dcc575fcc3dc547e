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
    meson setup build --buildtype=release -Dtests=false >build-setup.log || {
        cat build-setup.log
        exit 1
    }
    rm -f build-setup.log
fi
ninja -C build --quiet daemon/tuttid daemon/tutti

case " $*" in
*' --input'* | *' --config'* | *' -c '*) ;;
*) set -- --input demo "$@" ;;
esac
exec build/daemon/tuttid "$@"
