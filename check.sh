#!/bin/sh
# Installs what is needed (Debian 12), builds, and runs every test.
#
#   sh check.sh            plain build, sanitizers, programs, page, documents
#   sh check.sh --arm64    also for 64-bit Arm, in an emulator (many minutes more)
#   sh check.sh --quick    the plain build and its tests alone
#   sh check.sh --no-install …   install and fetch nothing
#
# Builds go to build-check/, build-asan/, build-tsan/ and, for 64-bit Arm, build-aarch64/, which
# needs packages of Debian's architecture arm64; build/, from which README installs, stays as it is.
# The last line is "N passed, N failed". Tests that had to be skipped are listed; where CI is set (as
# services for it do), they count as failed.
set -eu
cd "$(dirname "$0")"

quick=false
install=true
arm64=false
for argument in "$@"; do
    case $argument in
    --quick) quick=true ;;
    --no-install) install=false ;;
    --arm64) arm64=true ;;
    -h | --help)
        sed -n '2,13s/^# \{0,1\}//p' "$0"
        exit 0
        ;;
    *)
        echo "check.sh: unknown option '$argument' (see --help)" >&2
        exit 2
        ;;
    esac
done

if $quick || [ "$(uname -m)" = aarch64 ]; then
    arm64=false
fi
if ! $install; then
    # Tests run packages.sh, too.
    export TUTTI_NO_INSTALL=1
else
    sh tests/packages.sh build test
    ! $arm64 || sh tests/packages.sh cross
fi

# setup DIR OPTION... : configures a build directory, or brings an existing one up to date.
setup() {
    directory=$1
    shift
    reconfigure=''
    [ ! -f "$directory/build.ninja" ] || reconfigure=--reconfigure
    # shellcheck disable=SC2086
    if ! said=$(meson setup $reconfigure "$directory" "$@" 2>&1); then
        printf '%s\n' "$said" | tail -20
        return 1
    fi
}

status=0
logs=''

# check DIR SETUP_OPTION... -- TEST_OPTION... : configures, builds with warnings as errors, tests.
check() {
    directory=$1
    shift
    echo "== $directory"
    rm -f "$directory/meson-logs/testlog.json"
    logs="$logs $directory/meson-logs/testlog.json"
    setup_options=''
    while [ "$1" != -- ]; do
        setup_options="$setup_options $1"
        shift
    done
    shift
    # shellcheck disable=SC2086
    setup "$directory" --werror -Dtests=true $setup_options || { status=1; return; }
    ninja -C "$directory" --quiet || { status=1; return; }
    meson test -C "$directory" --no-rebuild --print-errorlogs "$@" || status=1
}

check build-check --
if ! $quick; then
    # UBSan would report and go on.
    export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
    check build-asan -Db_sanitize=address,undefined -- \
        --suite unit --suite program --timeout-multiplier 4
    check build-tsan -Db_sanitize=thread -- --suite unit --suite program --timeout-multiplier 4
fi
if $arm64; then
    rm -f build-aarch64/meson-logs/cortex-*.json
    logs="$logs build-aarch64/meson-logs/cortex-a72.json build-aarch64/meson-logs/cortex-a76.json"
    sh tests/cross/aarch64.sh build-aarch64 build-check || status=1
fi

passed=0
failed=0
for log in $logs; do
    [ -f "$log" ] || { failed=$((failed + 1)); continue; }
    passed=$((passed + $(grep -cE '"result": "(OK|EXPECTEDFAIL)"' "$log" || true)))
    failed=$((failed + $(grep -cE '"result": "(FAIL|ERROR|TIMEOUT|INTERRUPT|UNEXPECTEDPASS)"' "$log" || true)))
    skipped=$(sed -n 's/^{"name": "\([^"]*\)".*"result": "SKIP".*/\1/p' "$log")
    [ -n "$skipped" ] || continue
    printf 'skipped in %s:\n%s\n' "$log" "$skipped"
    [ -z "${CI:-}" ] || failed=$((failed + $(echo "$skipped" | wc -l)))
done
[ "$failed" -eq 0 ] || status=1
[ "$passed" -gt 0 ] || status=1
echo "$passed passed, $failed failed"
exit $status
