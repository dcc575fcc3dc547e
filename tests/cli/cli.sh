# Sourced by the tests of the programs. Runs commands and holds what they do against what they
# should; goes on after a failure, and tells the number of them at the end.
#
#   expect STATUS COMMAND...  the command's exit status; its output is in $out and $err
#   expect_with_devices       the same for a command that looks for devices
#   background COMMAND...     starts a program; its output goes to $out and $err
#   await PATTERN             waits until $err has it, or the program in the background is gone
#   stop                      stops it by SIGTERM, which must be clean
#   ends STATUS               waits until it ends by itself
#   says FILE TEXT            FILE contains TEXT (a fixed string)
#   silent FILE               FILE is empty
#   same A B                  two files are equal
#   check WHAT CONDITION...   any other condition, a command
#   has_options_of_help FILE  a manual page tells of every option in $out
#   finish                    the last line of a test
set -u
LC_ALL=C
export LC_ALL
unset TUTTI_KERNEL JOURNAL_STREAM NOTIFY_SOCKET http_proxy HTTP_PROXY all_proxy ALL_PROXY
work=$(mktemp -d /tmp/tutti-cli-XXXXXX)
trap 'chmod -R u+rwx "$work"; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
# Neither the machine's sound cards and servers nor its configuration have a part in the tests.
# (PortAudio wants one device at least that does not open.)
if [ -z "${ALSA_CONFIG_PATH:-}" ]; then
    echo 'pcm.nothing { type hw card 99 }' >"$work/.asound.conf"
    ALSA_CONFIG_PATH=$work/.asound.conf
fi
JACK_NO_START_SERVER=1
TUTTI_CONFIG=/dev/null
export ALSA_CONFIG_PATH JACK_NO_START_SERVER TUTTI_CONFIG
out=$work/.out
err=$work/.err
checks=0
failures=0

check() {
    what=$1
    shift
    checks=$((checks + 1))
    "$@" && return 0
    failures=$((failures + 1))
    echo "FAILED: $what"
    echo "  last command: ${last:-}"
    sed 's/^/  stdout: /' "$out" | head -n 20
    sed 's/^/  stderr: /' "$err" | head -n 20
    return 0
}

expect() {
    wanted=$1
    shift
    last=$*
    "$@" >"$out" 2>"$err"
    status=$?
    check "exit status $status instead of $wanted" [ "$status" -eq "$wanted" ]
    check "no report of a sanitizer" no_report
}

# For commands that look for devices: the plug-ins that ALSA loads and unloads on the way keep
# memory in globals that are gone at the end, which the leak checker takes for lost.
expect_with_devices() {
    wanted=$1
    shift
    expect "$wanted" env ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0" "$@"
}

# Starts a program (not a function: $! has to be the program itself).
background() {
    last=$*
    # Not left to the child, which may come to it after somebody has looked for its first words.
    : >"$out"
    : >"$err"
    ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0" "$@" >>"$out" 2>>"$err" &
}

await() {
    until grep -q -e "$1" "$err" || ! kill -0 $! 2>/dev/null; do
        sleep 0.1
    done
}

stop() {
    kill -TERM $!
    wait $!
    check "exit status 0 after SIGTERM" [ $? -eq 0 ]
    check "no report of a sanitizer" no_report
}

# Waits until it ends by itself.
ends() {
    wait $!
    status=$?
    check "exit status $status instead of $1" [ $status -eq "$1" ]
    check "no report of a sanitizer" no_report
}

no_report() {
    ! grep -q 'Sanitizer\|runtime error' "$err"
}

says() {
    check "$(basename "$1") says: $2" grep -qF -e "$2" "$1"
}

silent() {
    check "$(basename "$1") is empty" [ ! -s "$1" ]
}

same() {
    check "$1 and $2 are equal" cmp -s "$1" "$2"
}

# The long options that $out, the output of --help, lists are in a manual page, written as \-\-name.
has_options_of_help() {
    for option in $(sed -n 's/^  .*--\([a-z-]*\).*/\1/p' "$out"); do
        check "$(basename "$1") tells of --$option" \
            grep -qF -e "\\-\\-$(echo "$option" | sed 's/-/\\-/g')" "$1"
    done
}

finish() {
    echo "$checks checks, $failures failed"
    [ "$failures" -eq 0 ]
    exit
}
