# tuttid: command line, configuration, what it refuses to start with, pipes and ends of sound.
# Its signals are in test_signals.c.
. "$(dirname "$0")/cli.sh"

cd "$work" || exit 1
"$MAKE_SOUND" good.wav 1
"$MAKE_SOUND" good.f32 1 48000

start() {
    "$TUTTID" --listen 127.0.0.1:0 --model "$MODEL" "$@"
}

# ---- help, version, sample ----
expect 0 "$TUTTID" --version
check "a version" grep -qx 'tuttid [0-9][0-9]*\.[0-9][0-9]*\.[0-9][0-9]*' "$out"
expect 0 "$TUTTID" --help
silent "$err"
check "lines of at most 80 characters" sh -c "! grep -q '.\{81\}' '$out'"
for option in config input channels gain-db rate-hz stdin-format at-end model hop smoothing kernel \
    threads include exclude threshold listen allowed-hosts allowed-origins max-clients keep-h log-level; do
    says "$out" "--$option "
done
has_options_of_help "$TUTTID_MANUAL"
for option in $(sed -n 's/^\.B.*\\-\\-\([a-z\\-]*\) .*/\1/p' "$TUTTID_MANUAL" | tr -d '\\'); do
    says "$out" "--$option "
done
expect 0 "$TUTTID" --print-config
same "$out" "$SAMPLE"

# ---- wrong command lines ----
expect 2 "$TUTTID" --nonsense
says "$err" "tuttid: unknown or ambiguous option --nonsense"
says "$err" "Try 'tuttid --help'."
expect 2 "$TUTTID" song.wav
says "$err" "what is 'song.wav' for? (a file is played by --input file:PATH)"
expect 2 "$TUTTID" --hop fast
says "$err" "option --hop: 'fast' is not 0.01 to 60"
expect 2 "$TUTTID" --listen nowhere
says "$err" "option --listen: "
expect 2 "$TUTTID" --stdin-format mp3
expect 2 "$TUTTID" --at-end never
expect 2 start --input - --at-end repeat
says "$err" "option --at-end: standard input cannot be repeated, only a file can"
expect 2 start --input file:good.wav --kernel nonsense
says "$err" "option --kernel: there is no kernel 'nonsense' here"
expect 2 start --input file:good.wav --threshold oboe=0.5
says "$err" "the model knows no instrument 'oboe'"

# ---- wrong configurations ----
refuse() {
    printf '%b' "$1" >t.conf
    expect 2 start --input file:good.wav -c t.conf
    says "$err" "$2"
    silent "$out"
}
expect 2 start -c missing.conf
says "$err" "cannot open the configuration missing.conf: No such file or directory"
expect 2 start -c "$work"
says "$err" "Is a directory"
expect 2 start -c ''
# The environment names it, too; the option comes first.
expect 2 env TUTTI_CONFIG=missing.conf "$TUTTID" --listen 127.0.0.1:0 --model "$MODEL"
says "$err" "missing.conf"
expect 0 env TUTTI_CONFIG=missing.conf "$TUTTID" --listen 127.0.0.1:0 --model "$MODEL" \
    --input file:good.wav -c /dev/null
refuse '[source]\ngain = 3\n' "t.conf:2: there is no key in section [source] named gain"
refuse '[source]\ngain = 3\n[log]\nlevel\n' "t.conf:4: this is neither [section]"
says "$err" "t.conf:2: there is no key in section [source] named gain"
check "a line for each mistake" [ "$(wc -l <"$err")" -eq 2 ]
refuse "$(yes nonsense | head -n 30)" "t.conf: these are the first 20 mistakes; there may be more"
refuse '[sauce]\n' "t.conf:1: there is no section named sauce"
refuse '[history]\n\nkeep_h = 169\n' "t.conf:3: [history] keep_h: '169' is not 0.01 to 168"
refuse '[log]\nlevel = info\nlevel = info\n' "t.conf:3: this key was set in line 2 already: level"
refuse '[log]\nlevel\n' "t.conf:2: this is neither [section], key = value, nor a comment"
refuse '[server]\nlisten = nowhere\n' "t.conf:2: [server] listen: "
refuse '[server]\n\nallowed_hosts = a/b\n' \
    "t.conf:3: [server] allowed_hosts: 'a/b' is not the name of a host"
refuse '[server]\nallowed_origins = http://a http://b/\n' \
    "t.conf:2: [server] allowed_origins: 'http://b/': an origin ends after the host"
refuse '[server]\nallowed_hosts = hall:8808\n' "t.conf:2: [server] allowed_hosts: 'hall:8808': a name"
refuse '[history]\nkeep_h = 168\n[recognition]\nhop_s = 0.01\n' \
    "t.conf:2: [history] keep_h: 168 hours at a hop of 0.01 s take "
expect 2 start --input file:good.wav --keep-h 168 --hop 0.01
says "$err" "option --keep-h: 168 hours"
refuse '[labels]\nexclude = oboe\n' "t.conf:2: [labels] exclude: the model knows no instrument 'oboe'"
refuse '[recognition]\nkernel = nonsense\n' "t.conf:2: [recognition] kernel: there is no kernel"

# To the journal with its priority, which systemd takes for its colours and filters.
last='tuttid -c t.conf 2>journal'
: >journal
JOURNAL_STREAM=$(stat -c %d:%i journal) start --input file:good.wav -c t.conf >"$out" 2>journal
check "exit status 2" [ $? -eq 2 ]
check "one line with a priority: $(cat journal)" grep -q '^<3>.*t.conf:2: \[recognition\] kernel' journal
printf '[history]\nkeep_h = much\n' >t.conf
JOURNAL_STREAM=$(stat -c %d:%i journal) start --input file:good.wav -c t.conf >"$out" 2>journal
check "exit status 2" [ $? -eq 2 ]
check "one line with a priority: $(cat journal)" grep -q '^<3>t.conf:2: \[history\] keep_h' journal

# ---- what cannot be opened ----
expect 1 "$TUTTID" --model missing --input file:good.wav --listen 127.0.0.1:0
says "$err" "tuttid: error: "
says "$err" "missing"
head -c 1000 "$MODEL" >broken.model
expect 1 "$TUTTID" --model broken.model --input file:good.wav --listen 127.0.0.1:0
says "$err" "broken.model"
for bad in file:missing.wav file:. file:/dev/null; do
    expect 1 start --input "$bad"
    says "$err" "tuttid: error: "
done
expect_with_devices 1 "$TUTTID" --listen 127.0.0.1:0 --model "$MODEL" --input 'no such device'
says "$err" "no such device"

# ---- sound that ends ----
expect 0 start --input file:good.wav
says "$err" "tuttid: listening to good.wav; page at http://127.0.0.1:"
says "$err" "tuttid: good.wav has ended"
printf '[source]\ninput = file:good.wav\n[log]\nlevel = warning\n' >t.conf
expect 0 start -c t.conf --hop 0.2
silent "$err"
expect 0 start -c t.conf --hop 0.3
says "$err" "tuttid: warning: the hop of 0.3 s is longer than the model's window of 0.23 s"
expect 0 start -c t.conf --log-level info
says "$err" "listening to good.wav"
last='tuttid --input - <good.f32'
start --input - --stdin-format f32le:48000:1 <good.f32 >"$out" 2>"$err"
check "exit status 0 at the end of standard input" [ $? -eq 0 ]
says "$err" "tuttid: standard input has ended"
last='make_sound - | tuttid --input -'
"$MAKE_SOUND" - 1 48000 | start --input - >"$out" 2>"$err"
check "exit status 0 at the end of a pipe" [ $? -eq 0 ]
last='tuttid --input - <good.flac'
"$MAKE_SOUND" good.flac 1 48000
start --input - --hop 0.1 <good.flac >"$out" 2>"$err"
check "exit status 0" [ $? -eq 0 ]
says "$err" "tuttid: warning: what comes on standard input looks like a FLAC file, and is heard as raw samples"
check "once" [ "$(grep -c warning "$err")" -eq 1 ]
last='tuttid --input - </dev/null'
start --input - </dev/null >"$out" 2>"$err"
check "exit status 1 on an empty standard input" [ $? -eq 1 ]
says "$err" "no sound came from standard input"
silent "$out"
last='tuttid --input - <&-'
start --input - <&- >"$out" 2>"$err"
check "exit status 1 without a standard input" [ $? -eq 1 ]
says "$err" "no sound came from standard input"

# ---- several sources ----
refuse '[source a]\ngain = 3\n' "t.conf:2: there is no key in section [source a] named gain"
refuse '[source a/b]\n' "t.conf:1: 'a/b' is not the name of a source: 1 to 32 letters, digits, - and _"
refuse '[source a]\n\n[source a]\n' "t.conf:3: [source a] stands in line 1 already"
refuse '[source a]\ninput = -\n[source b]\ninput = -\n' \
    "t.conf:4: [source b] input: standard input is read by the source a already"
printf '[source]\nchannels = 2\n[source a]\ninput = demo\n' >t.conf
expect 2 start -c t.conf
says "$err" "t.conf:2: [source] channels: it is for the plain [source] alone"
printf '[source a]\ninput = demo\n' >t.conf
expect 2 start -c t.conf --at-end stay
says "$err" "option --at-end: it is for the plain [source] alone"
printf '[source a]\ninput = file:good.wav\n[source b]\ninput = file:missing.wav\n' >t.conf
expect 1 start -c t.conf
says "$err" "t.conf:4: [source b] input: "
says "$err" "missing.wav"
"$MAKE_SOUND" other.wav 2
printf '[source a]\ninput = file:good.wav\n[source b]\ninput = file:other.wav\n' >t.conf
expect 0 start -c t.conf
says "$err" "tuttid: a: listening to good.wav"
says "$err" "tuttid: b: listening to other.wav"
says "$err" "tuttid: listening to 2 sources; page at http://127.0.0.1:"
says "$err" "tuttid: a: good.wav has ended"
says "$err" "tuttid: b: other.wav has ended"
# A named one beside the one of the command line, which is the first.
printf '[source a]\ninput = file:good.wav\nat_end = stay\n' >t.conf
background "$TUTTID" --listen 127.0.0.1:0 --model "$MODEL" --input demo -c t.conf
await 'a: good.wav has ended'
url=$(sed -n 's|.*\(http://127.0.0.1:[0-9]*\)/.*|\1|p' "$err")
curl -sf "$url/api/v1/sources" >sources.json
check "both are listed: $(cat sources.json)" grep -qF \
    '{"sources":[{"name":"main","input":"demo","kind":"demo","rate_hz":48000,"state":"running","path":"/api/v1/sources/main/"},{"name":"a","input":"good.wav","kind":"file","rate_hz":32000,"state":"ended","path":"/api/v1/sources/a/"}]}' sources.json
curl -sf "$url/api/v1/info" >info.json
check "the plain paths are the first one's" grep -qF '"kind":"demo"' info.json
curl -sf "$url/api/v1/sources/a/now" >now.json
check "the other one has been heard to its end" grep -qE '"t":(1|0.75),' now.json
curl -s "$url/api/v1/sources/b/now" >now.json
check "an unknown one is none" grep -qF "there is no source 'b' here" now.json
stop

# ---- the daemon hears what tutti analyze hears ----
"$MAKE_SOUND" long.wav 2 44100 2
background "$TUTTID" --listen 127.0.0.1:0 --model "$MODEL" --input file:long.wav --at-end stay \
    --hop 0.1
await 'has ended'
url=$(sed -n 's|.*\(http://127.0.0.1:[0-9]*\)/.*|\1|p' "$err")
curl -sf "$url/api/v1/now" >now.json
check "it stays and answers" [ $? -eq 0 ]
stop
expect 0 "$TUTTI" analyze --model "$MODEL" --hop 0.1 --format csv long.wav
tail -n 1 "$out" | cut -d , -f 3- >analyzed
sed 's/.*"p":\[\([^]]*\)\].*/\1/' now.json >heard
check "the last frames are equal to three decimals: $(cat analyzed heard | tr '\n' ' ')" \
    awk -F , 'NR == FNR { for (i = 1; i <= NF; i++) a[i] = $i; n = NF; next }
        { for (i = 1; i <= n; i++) { d = $i - a[i]; if (d > 0.0006 || d < -0.0006) exit 1 }
          if (NF != n) exit 1 }' analyzed heard
same_time() {
    sed 's/.*"t":\([0-9.]*\).*/\1/' now.json |
        awk -v t="$(tail -n 1 "$out" | cut -d , -f 2)" '{ exit !($1 == t) }'
}
check "of the same time" same_time

# ---- open files: as many as are needed, before any source needs them ----
: >many.conf
for number in $(seq 40); do
    printf '[source s%d]\ninput = file:good.wav\n' "$number" >>many.conf
done
last='40 sources with a soft limit of 32 open files'
(ulimit -Sn 32 && start -c many.conf --max-clients 8) >"$out" 2>"$err"
check "exit status 0" [ $? -eq 0 ]
says "$err" "listening to 40 sources"
last='40 sources with a hard limit of 100 open files'
(ulimit -n 100 && start -c many.conf --max-clients 8 --hop 0.1) >"$out" 2>"$err"
check "exit status 1" [ $? -eq 1 ]
says "$err" "40 sources and up to 8 clients (max_clients) need 296 open files, but the system allows 100: have fewer of them, or raise the limit (ulimit -n, LimitNOFILE=)"
check "one line" [ "$(wc -l <"$err")" -eq 1 ]

finish
