# tutti devices and tuttid --input on inputs that are there: two virtual microphones (see
# tests/support), one of them the default.
. "$(dirname "$0")/cli.sh"

cd "$work" || exit 1
"$MAKE_SOUND" sound.f32 1 48000
TUTTI_MICROPHONE_SOUND=$work/sound.f32
export TUTTI_MICROPHONE_SOUND

# Starts tuttid on an input, waits until it listens, and stops it.
listen() {
    last="tuttid --input $1"
    ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0" "$TUTTID" --listen 127.0.0.1:0 \
        --model "$MODEL" --input "$1" >"$out" 2>"$err" &
    until grep -q 'listening to\|error' "$err" || ! kill -0 $! 2>/dev/null; do
        sleep 0.1
    done
    kill -TERM $! 2>/dev/null
    wait $!
    check "exit status 0" [ $? -eq 0 ]
    says "$err" "tuttid: listening to "
    check "no report of a sanitizer" no_report
}

expect_with_devices 0 "$TUTTI" devices
says "$out" "NAME"
says "$out" "stage"
says "$out" "desk"
check "one default" [ "$(grep -c '^\* ' "$out")" -eq 1 ]
check "columns stand below each other" awk '
    NR == 1 { at = index($0, "CHANNELS") + length("CHANNELS") - 1; next }
    /^$/ { exit }
    substr($0, at, 1) !~ /[0-9]/ || substr($0, at + 1, 1) != " " { exit 1 }' "$out"
expect_with_devices 0 "$TUTTI" devices --json
says "$out" '"name":"stage"'
says "$out" '"default":true'

# By its name, a part of it, a pattern, and by none.
for input in stage STAG 'st?ge' default; do
    listen "$input"
    says "$err" "tuttid: stopping: Terminated"
done
expect_with_devices 1 "$TUTTID" --listen 127.0.0.1:0 --model "$MODEL" --input xylophone
says "$err" 'tuttid: error: '
says "$err" 'xylophone'
says "$err" 'stage'

finish
