# tutti devices and tuttid --input on inputs that are there: two virtual microphones (see
# tests/support), one of them the default.
. "$(dirname "$0")/cli.sh"

cd "$work" || exit 1
"$MAKE_SOUND" sound.f32 1 48000
TUTTI_MICROPHONE_SOUND=$work/sound.f32
export TUTTI_MICROPHONE_SOUND

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
    background "$TUTTID" --listen 127.0.0.1:0 --model "$MODEL" --input "$input"
    await 'listening to\|error'
    stop
    says "$err" "tuttid: listening to "
    says "$err" "tuttid: stopping: Terminated"
done

# One that is pulled out and comes back. PortAudio may never let go of it; then a new process is what
# helps, and this one ends.
TUTTI_MICROPHONE_GATE=$work/gate
export TUTTI_MICROPHONE_GATE
: >gate
background "$TUTTID" --listen 127.0.0.1:0 --model "$MODEL" --input stage
await 'listening to\|error'
rm gate
await 'is lost'
: >gate
await 'is back\|hangs'
if grep -q hangs "$err"; then
    ends 1
else
    stop
    says "$err" "tuttid: stage is back"
fi
says "$err" "tuttid: error: stage is lost"

expect_with_devices 1 "$TUTTID" --listen 127.0.0.1:0 --model "$MODEL" --input xylophone
says "$err" 'tuttid: error: '
says "$err" 'xylophone'
says "$err" 'stage'
# Another device with as many channels may yet come: the service tries again.
expect_with_devices 1 "$TUTTID" --listen 127.0.0.1:0 --model "$MODEL" --input stage --channels 2
says "$err" 'channel 2 was asked for, but stage has 1 channel'

finish
