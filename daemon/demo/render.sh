#!/bin/sh
# Renders the demo piece: music.c -> MIDI -> fluidsynth -> piece.opus, and its
# true entries and exits to piece.csv. Only needed when the music changes.
#
# usage: render.sh [FOLDER]    writes piece.opus and piece.csv there (default: here)
#
# Debian packages: gcc fluidsynth musescore-general-soundfont-small sox opus-tools
set -eu

demo=$(cd "$(dirname "$0")" && pwd)
folder=${1:-$demo}
soundfont=${SOUNDFONT:-/usr/share/sounds/sf3/MuseScore_General_Lite.sf3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

${CC:-cc} -std=c11 -D_GNU_SOURCE -I "$demo/../.." -o "$work/demo_score" \
    "$demo/score.c" "$demo/notation.c" "$demo/music.c"
"$work/demo_score" "$work/piece.mid" "$work/piece.csv"
duration_s=$(sed -n 's/^# duration_s=//p' "$work/piece.csv")

# A small hall; no chorus, which would smear the instruments into each other.
fluidsynth --no-shell --no-midi-in --quiet --sample-rate 48000 --gain 0.5 \
    --audio-file-format s24 --audio-file-type wav --fast-render "$work/piece.wav" \
    -o synth.chorus.active=no \
    -o synth.reverb.active=yes -o synth.reverb.room-size=0.5 -o synth.reverb.damp=0.3 \
    -o synth.reverb.width=0.8 -o synth.reverb.level=0.5 \
    "$soundfont" "$work/piece.mid" >/dev/null

sox -D "$work/piece.wav" -b 24 "$work/level.wav" trim 0 "$duration_s" fade t 0 "$duration_s" 1.5 \
    gain -n -1.5
# A fixed serial number, so that the same sound gives the same file.
opusenc --quiet --bitrate 42 --serial 1 --title "Tutti: a demonstration for eleven instruments" \
    "$work/level.wav" "$work/piece.opus"
mv "$work/piece.csv" "$folder/piece.csv"
mv "$work/piece.opus" "$folder/piece.opus"
