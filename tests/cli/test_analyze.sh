# tutti analyze: formats, many files, bad files, output that is whole or not at all.
. "$(dirname "$0")/cli.sh"

analyze() {
    "$TUTTI" analyze --model "$MODEL" --hop 0.1 "$@"
}

cd "$work" || exit 1
for suffix in wav flac ogg opus mp3; do
    rate=44100
    [ $suffix != opus ] || rate=48000
    "$MAKE_SOUND" good.$suffix 2 $rate 2 || exit 1
done
"$MAKE_SOUND" short.wav 0.05
: >empty.wav
mkdir folder.wav
head -c 100000 /dev/urandom >garbage.wav
head -c 30 good.wav >header.wav
head -c 20000 good.flac >cut.flac
"$MAKE_SOUND" slow.wav 1 100
"$MAKE_SOUND" wide.wav 0.01 32000 1024
mkfifo pipe.wav

# ---- wrong command lines: nothing is done ----
expect 2 analyze
says "$err" "tutti analyze: no sound file was named"
expect 2 analyze --format xml good.wav
says "$err" "option --format: 'xml' is not text, json, csv, cues-csv, audacity or cue"
expect 2 analyze --jobs 0 good.wav
expect 2 analyze --jobs 257 good.wav
expect 2 analyze --jobs many good.wav
expect 2 analyze --precision double good.wav
expect 2 analyze --hop 0 good.wav
says "$err" "option --hop: '0' is not 0.01 to 60"
expect 2 analyze --hop 1 good.wav
says "$err" "longer than the model's window of 0.23 s"
expect 2 analyze --include oboe good.wav
says "$err" "option --include: the model knows no instrument 'oboe'; it knows low, middle, high"
expect 0 analyze --include Middle good.wav
expect 2 analyze --threshold high=2 good.wav
expect 2 analyze --kernel nonsense good.wav
expect 2 env TUTTI_KERNEL=nonsense "$TUTTI" analyze --model "$MODEL" good.wav
says "$err" "environment variable TUTTI_KERNEL: there is no kernel 'nonsense' here"
for format in audacity cue cues-csv; do
    expect 2 analyze --format $format good.wav good.flac
    silent "$out"
    says "$err" "belongs to one sound file"
done

# ---- models ----
expect 1 "$TUTTI" analyze --model missing good.wav
says "$err" "missing"
head -c 1000 "$MODEL" >broken.model
expect 1 "$TUTTI" analyze --model broken.model good.wav
says "$err" "broken.model"
silent "$out"

# ---- every kind of sound file, in every format ----
for suffix in wav flac ogg opus mp3; do
    expect 0 analyze good.$suffix
    silent "$err"
    check "two seconds" grep -q "^good.$suffix: 0:02\.[01]" "$out"
    expect 0 analyze --format json good.$suffix
    says "$out" "{\"file\":\"good.$suffix\",\"duration_s\":2"
done
expect 0 analyze --format json good.wav
says "$out" '"duration_s":2,"model":"tiny","labels":["low","middle","high"],"window_s":0.23,"hop_s":0.1,"frames":[{"t":0.1,"p":['
says "$out" '"instruments":[{"label":"low","mean":'
says "$out" '"cues":['
check "20 frames" [ "$(grep -o '"t":' "$out" | wc -l)" -eq 20 ]
check "one line" [ "$(wc -l <"$out")" -eq 1 ]
expect 0 analyze --format csv good.wav
check "a heading" [ "$(head -n 1 "$out")" = "file,t,low,middle,high" ]
check "20 frames" [ "$(wc -l <"$out")" -eq 21 ]
expect 0 analyze --format audacity good.wav
check "three columns" awk -F '\t' 'NF != 3 || $1 > $2 { exit 1 }' "$out"
expect 0 analyze --format cues-csv good.wav
check "a heading" [ "$(head -n 1 "$out")" = "label,on_s,off_s,confidence,time" ]
entries=$(($(wc -l <"$out") - 1))
check "entries" [ $entries -gt 0 ]
mkdir folder
cp good.wav folder
expect 0 analyze --format cue -o folder/good.cue folder/good.wav
silent "$err"
says folder/good.cue 'FILE "good.wav" WAVE'
check "as many tracks" [ "$(grep -c '^  TRACK [0-9]* AUDIO' folder/good.cue)" -eq $entries ]
expect 0 analyze --format json --exclude middle good.wav
says "$out" '"labels":["low","high"]'
expect 0 analyze --format json short.wav
says "$out" '"duration_s":0.05,'
check "one frame" [ "$(grep -o '"t":' "$out" | wc -l)" -eq 1 ]

# ---- every kernel hears the same; float nearly so ----
expect 0 analyze --format csv good.wav
cp "$out" best.csv
expect 0 analyze --format csv --kernel portable good.wav
same "$out" best.csv
expect 0 env TUTTI_KERNEL=portable "$TUTTI" analyze --model "$MODEL" --hop 0.1 --format csv good.wav
same "$out" best.csv
expect 0 analyze --format csv --precision float good.wav
check "within 0.1 of int8" awk -F , 'NR == FNR { for (i = 3; i <= NF; i++) a[FNR, i] = $i; next }
    FNR > 1 { for (i = 3; i <= NF; i++) { d = $i - a[FNR, i]; if (d > 0.1 || d < -0.1) exit 1 } }' \
    best.csv "$out"
check "not the same as int8" sh -c "! cmp -s '$out' best.csv"

# ---- bad files ----
for bad in missing.wav empty.wav folder.wav garbage.wav header.wav slow.wav wide.wav pipe.wav \
    /dev/zero "$MODEL"; do
    expect 1 analyze "$bad"
    silent "$out"
    says "$err" "tutti analyze: "
    says "$err" "$bad"
    check "one line" [ "$(wc -l <"$err")" -eq 1 ]
done
chmod 000 good.ogg
if [ "$(id -u)" -ne 0 ]; then
    expect 1 analyze good.ogg
    says "$err" "Permission denied"
fi
chmod 644 good.ogg
# A header that promises more than there is: what is there is analyzed, and it is said.
cp good.wav liar.wav
truncate -s -176400 liar.wav # a second
expect 0 analyze --format json liar.wav good.flac
says "$out" '"duration_s":1,'
says "$err" "tutti analyze: warning: the sound file liar.wav is cut short: its header promises 2.00 s, and it ends after 1.00 s"
check "one warning" [ "$(wc -l <"$err")" -eq 1 ]
# Of the compressed formats a decoder passes over what is damaged; libmpg123's own lines are not ours.
for format in ogg opus mp3; do
    "$MAKE_SOUND" long.$format 12 48000
    size=$(wc -c <long.$format)
    expect 0 analyze long.$format
    silent "$err"
    head -c $((size / 2)) long.$format >half.$format
    expect 0 analyze half.$format
    says "$err" "tutti analyze: warning: the sound file half.$format is "
    check "one warning" [ "$(wc -l <"$err")" -eq 1 ]
    head -c $((size / 20)) /dev/zero | dd of=long.$format bs=1 seek=$((size / 2)) conv=notrunc 2>/dev/null
    last="analyze long.$format, damaged"
    analyze long.$format >"$out" 2>"$err" # of mp3 it is refused
    says "$err" "the sound file long.$format is damaged "
    check "one line" [ "$(wc -l <"$err")" -eq 1 ]
done
# Nothing of a header that could not be completed, because it went into a pipe.
cp good.wav piped.wav
for size in '\000\360\377\177' '\377\377\377\177' '\377\377\377\377'; do
    printf "$size" | dd of=piped.wav bs=1 seek=40 conv=notrunc 2>/dev/null
    expect 0 analyze --format json piped.wav
    says "$out" '"duration_s":2,'
    silent "$err"
done
# Cut short in the middle: refused or analyzed as far as it goes, but never half of a line.
last='analyze cut.flac'
analyze --format json cut.flac >"$out" 2>"$err"
case $? in
0) check "a whole line" grep -qx '{.*}' "$out" ;;
1) silent "$out" ;;
*) check "exit status 0 or 1" false ;;
esac

# ---- many files, some bad: the others are there, in order ----
for jobs in 1 4; do
    expect 1 analyze --jobs $jobs --format json good.wav missing.wav good.flac garbage.wav good.ogg
    check "three results" [ "$(wc -l <"$out")" -eq 3 ]
    check "in order" [ "$(sed 's/^{"file":"\([^"]*\)".*/\1/' "$out" | tr '\n' ' ')" = \
        "good.wav good.flac good.ogg " ]
    check "two complaints" [ "$(wc -l <"$err")" -eq 2 ]
    cp "$out" jobs$jobs.json
done
same jobs1.json jobs4.json
expect 0 analyze --format csv good.wav good.flac
check "one heading" [ "$(grep -c '^file,t,' "$out")" -eq 1 ]
check "40 frames" [ "$(wc -l <"$out")" -eq 41 ]

# ---- long files: the same from any number of threads ----
for seconds in 29.9 30 30.1 75; do
    "$MAKE_SOUND" long$seconds.wav $seconds 48000 2 || exit 1
done
for format in text json csv; do
    for jobs in 1 2 3; do
        expect 0 analyze --jobs $jobs --format $format long*.wav short.wav
        cp "$out" long$jobs.$format
    done
    same long1.$format long2.$format
    same long1.$format long3.$format
done
check "750 frames" [ "$(grep -c '^long75.wav,' long1.csv)" -eq 750 ]
# More than is kept in memory until its turn comes. Of the model's rate, as resampling costs most.
"$MAKE_SOUND" fine.wav 75 32000 1 || exit 1
expect 0 analyze --jobs 1 --format json --hop 0.01 fine.wav
cp "$out" fine1.json
expect 0 analyze --jobs 3 --format json --hop 0.01 fine.wav
same "$out" fine1.json
check "more than 256 KiB" [ "$(wc -c <fine1.json)" -gt 262144 ]
expect 1 env TMPDIR=/nowhere "$TUTTI" analyze --model "$MODEL" --format json --hop 0.01 fine.wav
silent "$out"
says "$err" "tutti analyze: cannot make a temporary file in /nowhere: No such file or directory"

# Memory does not grow with the length of a file. (Python's own, some 10 MB, would hide less.)
peak_kb() {
    python3 -c 'import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' \
        "$TUTTI" analyze --model "$MODEL" --jobs 1 --hop 0.02 "$@"
}
if [ "$MEASURES_MEMORY" = yes ]; then
    "$MAKE_SOUND" minutes.flac 150 8000 && "$MAKE_SOUND" hour.flac 3600 8000 || exit 1
    for format in text json; do
        short_kb=$(peak_kb --format $format minutes.flac)
        long_kb=$(peak_kb --format $format hour.flac)
        last="analyze --format $format: $short_kb kB for 150 s, $long_kb kB for an hour"
        check "an hour takes no more memory" [ "$long_kb" -lt $((short_kb + 1024)) ]
    done
    rm hour.flac
fi

# More entries than a sheet can have.
"$MAKE_SOUND" eventful.wav 300 8000 1 4 || exit 1
expect 0 analyze --smoothing 0 --format cues-csv eventful.wav
entries=$(($(wc -l <"$out") - 1))
check "more than 99" [ $entries -gt 99 ]
expect 0 analyze --smoothing 0 --format cue eventful.wav
check "99 tracks" [ "$(grep -c '^  TRACK ' "$out")" -eq 99 ]
says "$err" "tutti analyze: warning: eventful.wav: of $entries entries the sheet has the last 99"

# Many that wait for the first, and few files that may be open.
for number in $(seq 40); do
    ln good.wav many$number.wav
done
expect 0 analyze --jobs 1 --format json --hop 0.01 fine.wav many*.wav
cp "$out" many.json
for limit in 26 64; do
    last="analyze with a limit of $limit files"
    (ulimit -n $limit && analyze --jobs 20 --format json --hop 0.01 fine.wav many*.wav) \
        >"$out" 2>"$err"
    check "exit status 0" [ $? -eq 0 ]
    silent "$err"
    same "$out" many.json
done

# ---- standard input ----
input() {
    "$TUTTI" analyze --model "$MODEL" --hop 0.1 "$@"
}
for suffix in wav flac ogg opus mp3; do
    expect 0 analyze --format csv good.$suffix
    sed 's/^good\.[a-z0-9]*,/standard input,/' "$out" >wanted.csv
    for how in pipe file; do
        last="analyze --format csv - with a $how of $suffix"
        if [ $how = pipe ]; then
            cat good.$suffix | input --format csv - >"$out" 2>"$err"
        else
            input --format csv - <good.$suffix >"$out" 2>"$err"
        fi
        check "exit status 0" [ $? -eq 0 ]
        silent "$err"
        same "$out" wanted.csv
    done
done
last='analyze - beside files'
cat good.wav | input --format json good.flac - good.ogg >"$out" 2>"$err"
check "exit status 0" [ $? -eq 0 ]
check "in order" [ "$(sed 's/^{"file":"\([^"]*\)".*/\1/' "$out" | tr '\n' '|')" = \
    "good.flac|standard input|good.ogg|" ]
expect 2 analyze - good.wav -
says "$err" "standard input (-) can be read once only"
last='analyze of a channel that is not there'
input --channels 64 good.wav </dev/null >"$out" 2>"$err"
check "exit status 1" [ $? -eq 1 ]
silent "$out"
says "$err" "channel 64 was asked for, but good.wav has "
last='analyze - of raw samples'
"$MAKE_SOUND" - 1 | input - >"$out" 2>"$err"
check "exit status 1" [ $? -eq 1 ]
silent "$out"
says "$err" "standard input is not a sound file that can be read"
says "$err" "raw samples, which have no header, are taken by tuttid alone: --input - --stdin-format"
check "one line" [ "$(wc -l <"$err")" -eq 1 ]
last='analyze - of nothing'
input - </dev/null >"$out" 2>"$err"
check "exit status 1" [ $? -eq 1 ]
says "$err" "standard input is empty"
last='analyze - of a folder'
input - <folder >"$out" 2>"$err"
check "exit status 1" [ $? -eq 1 ]
says "$err" "standard input is a directory, not a sound file"

# ---- damaged in the middle: nothing of the file, all of the others ----
"$MAKE_SOUND" damaged.flac 75 44100 2 || exit 1
half=$(($(wc -c <damaged.flac) / 2))
head -c $half /dev/urandom | dd of=damaged.flac bs=$half seek=1 conv=notrunc 2>/dev/null
for jobs in 1 3; do
    for format in json csv text audacity; do
        expect 1 analyze --jobs $jobs --format $format damaged.flac
        silent "$out"
        says "$err" "the sound file damaged.flac is damaged after "
    done
    expect 1 analyze --jobs $jobs --format json -o whole.json good.wav damaged.flac good.flac
    check "two results" [ "$(grep -cx '{"file":"good.*}' whole.json)" -eq 2 ]
    check "nothing else" [ "$(wc -l <whole.json)" -eq 2 ]
    rm whole.json
done

# ---- names ----
cp good.wav ./-dash.wav
expect 0 analyze --format json -- -dash.wav
says "$out" '"file":"-dash.wav"'
strange=$(printf 'a "quoted"\tname\033[31m.wav')
cp good.wav "$strange"
expect 0 analyze --format json "$strange"
says "$out" '"file":"a \"quoted\"\tname\u001b[31m.wav"'
expect 0 analyze "$strange"
check "no escape sequences" sh -c "! grep -q '$(printf '\033')' '$out'"
strange=$(printf 'one\302\233byte.wav') # the same as ESC [
cp good.wav "$strange"
expect 0 analyze "$strange"
says "$out" 'one?byte.wav: '
expect 0 analyze --format json "$strange"
says "$out" '"file":"one\u009bbyte.wav"'
rm "$strange"
expect 1 analyze "$strange"
says "$err" 'one?byte.wav'

# ---- output ----
echo old >result.json
expect 1 analyze --format json -o result.json missing.wav
check "what was there is there still" [ "$(cat result.json)" = old ]
expect 0 analyze --format json -o result.json good.wav
silent "$out"
check "a whole line" grep -qx '{"file":"good.wav".*}' result.json
expect 1 analyze -o missing/result.json good.wav
says "$err" "cannot write missing/result.json: No such file or directory"
expect 1 analyze -o folder.wav good.wav
says "$err" "cannot write folder.wav: Is a directory"
cp good.wav own.wav
ln -s own.wav link.wav
for input in own.wav ./own.wav link.wav; do
    expect 2 analyze -o own.wav good.flac $input
    says "$err" "the output would replace the sound file $input"
    same own.wav good.wav
done
expect 2 analyze -o link.wav own.wav
same own.wav good.wav
expect 1 analyze -o /dev/full good.wav
says "$err" "cannot write /dev/full: No space left on device"
last='analyze good.wav >/dev/full'
analyze good.wav >/dev/full 2>"$err"
check "exit status 1" [ $? -eq 1 ]
says "$err" "tutti analyze: cannot write to standard output: No space left on device"
last='analyze many files >/dev/full'
analyze --jobs 1 --format csv long75.wav long75.wav no-such.wav >/dev/full 2>"$err"
check "exit status 1" [ $? -eq 1 ]
says "$err" "tutti analyze: cannot write to standard output: No space left on device"
check "it stops at the first that cannot be written" [ "$(wc -l <"$err")" -eq 1 ]
check "nothing is left behind" [ -z "$(find . -name '*.tmp')" ]

# ---- interrupted: it ends by the signal, and the output is as it was ----
# Whoever runs the tests by nohup leaves SIGHUP ignored, which is then right to go on.
for signal in 1 15; do # SIGHUP, SIGTERM
    for target in result.json new.json; do
        before=$(cat $target 2>/dev/null)
        background env --default-signal=HUP "$TUTTI" analyze --model "$MODEL" --hop 0.01 --format json -o $target \
            $(yes long75.wav | head -n 200)
        sleep 0.3
        kill -$signal $!
        ends $((128 + signal))
        silent "$err"
        check "$target is as it was" [ "$(cat $target 2>/dev/null)" = "$before" ]
    done
done
check "nothing is left behind" [ -z "$(find . -name '*.tmp' -o -name new.json)" ]

# While it waits for a pipe into which nothing comes.
mkfifo silent.pipe
sleep 60 >silent.pipe &
sleeper=$!
background sh -c 'exec "$TUTTI" analyze --model "$MODEL" --hop 0.1 - <silent.pipe'
sleep 0.3
kill -15 $!
ends 143
silent "$err"
kill $sleeper

# ---- a reader that goes away ----
last='analyze ... | head -n 1'
analyze --format csv good.wav good.flac good.ogg 2>"$err" | head -n 1 >"$out"
says "$out" "file,t,low"
silent "$err"

finish
