# tutti: the commands as such, and model, bench, devices. analyze has a test of its own.
. "$(dirname "$0")/cli.sh"

# ---- wrong command lines ----
expect 2 "$TUTTI"
silent "$out"
says "$err" "tutti: a command is missing"
says "$err" "Try 'tutti --help'."
expect 2 "$TUTTI" nonsense
says "$err" "tutti: there is no command 'nonsense'"
expect 2 "$TUTTI" --nonsense
for command in analyze bench devices model watch; do
    expect 2 "$TUTTI" $command --nonsense
    silent "$out"
    says "$err" "tutti $command: unknown or ambiguous option --nonsense"
    says "$err" "Try 'tutti $command --help'."
    expect 0 "$TUTTI" $command --help
    says "$out" "Usage: tutti $command"
    has_options_of_help "$TUTTI_MANUAL"
    silent "$err"
    check "lines of at most 80 characters" sh -c "! grep -q '.\{81\}' '$out'"
done
expect 0 "$TUTTI" --help
for command in analyze bench devices model watch; do
    says "$out" "  $command"
done
for command in analyze bench devices model watch; do
    "$TUTTI" $command --help >"$work/help"
    expect 0 "$TUTTI" help $command
    same "$work/help" "$out"
done
"$TUTTI" --help >"$work/help"
expect 0 "$TUTTI" help
same "$work/help" "$out"
for word in help --help -h; do
    expect 0 "$TUTTI" help $word
    same "$work/help" "$out"
done
expect 2 "$TUTTI" help nonsense
says "$err" "tutti: there is no command 'nonsense'"
expect 2 "$TUTTI" help model bench
says "$err" "tutti: one command at a time; what is 'bench' for?"
expect 0 "$TUTTI" --version
check "a version" grep -qx 'tutti [0-9][0-9]*\.[0-9][0-9]*\.[0-9][0-9]*' "$out"

# ---- output that cannot be written ----
last='tutti --help >/dev/full'
"$TUTTI" --help >/dev/full 2>"$err"
check "exit status 1 on a full disk" [ $? -eq 1 ]
says "$err" "tutti: cannot write to standard output: No space left on device"

# ---- model ----
expect 0 "$TUTTI" model "$MODEL"
says "$out" "tiny.safetensors: sound"
says "$out" "15 layers"
says "$out" "middle                   0.400"
says "$out" "  purpose       a test fixture, random weights"
# The shipped model has much to say, in few lines.
shipped=$(dirname "$MODEL")/../../../models/tutti-20.safetensors
expect 0 "$TUTTI" model "$shipped"
says "$out" "  calibration   Platt scaling"
says "$out" "CC BY-SA 3.0; CC0; "
check "at most 60 lines" [ "$(wc -l <"$out")" -le 60 ]
check "lines of at most 80 characters" sh -c "! sed '1,/^Training/d' '$out' | grep -q '.\{81\}'"
expect 0 "$TUTTI" model --all "$shipped"
says "$out" '"Philharmonia Orchestra sound samples":  "CC BY-SA 3.0"'
says "$out" "squeeze_excite"
# One with more to say than anybody reads is cut, and takes no longer for it.
size=$(od -An -tu8 -N8 "$MODEL" | tr -d ' ')
tail -c +9 "$MODEL" | head -c "$size" >"$work/header"
{
    sed 's/{\\"purpose.*//' "$work/header" | tr -d '\n'
    awk 'BEGIN {
        printf "{\\\"a_key_longer_than_its_column\\\":\\\""
        for (i = 0; i < 40; i++) printf "word "
        printf "\\\",\\\"sources\\\":{\\\"0\\\":\\\"x\\\""
        for (i = 1; i < 60000; i++) printf ",\\\"%d\\\":\\\"%s\\\"", i, i < 30000 ? "x" : i
        printf "},\\\"long\\\":{\\\"0\\\":\\\"x\\\""
        for (i = 1; i < 999; i++) printf ",\\\"%d\\\":\\\"%d words\\\"", i, i
        printf "}}"
    }'
    sed 's/.*random weights\\"}//' "$work/header" | tr -d '\n'
} >"$work/new_header"
while [ $(($(wc -c <"$work/new_header") % 8)) -ne 0 ]; do printf ' ' >>"$work/new_header"; done
new_size=$(wc -c <"$work/new_header")
{
    for shift in 0 8 16 24 32 40 48 56; do
        printf "\\$(printf %o $((new_size >> shift & 255)))"
    done
    cat "$work/new_header"
    tail -c +$((9 + size)) "$MODEL"
} >"$work/talkative"
expect 0 timeout 20 "$TUTTI" model "$work/talkative"
says "$out" "  sources       60000: x …"
says "$out" "  long          999: x; 1 words; 2 words; "
check "a text is cut where it is too long" grep -q 'words; [0-9]* w.* …$' "$out"
check "lines of at most 80 characters" sh -c "! sed '1,/^Training/d' '$out' | grep -q '.\{81\}'"
STEPS_MODEL=${MODEL%tiny.safetensors}steps.safetensors
expect 0 "$TUTTI" model "$STEPS_MODEL"
says "$out" "Heard, but never named: high"
expect 0 "$TUTTI" model --json "$STEPS_MODEL"
says "$out" '"labels":["low","middle"],"neighbours":["high"],'
expect 0 "$TUTTI" model --layers "$MODEL"
says "$out" "squeeze_excite"
expect 0 "$TUTTI" model --json "$MODEL"
says "$out" '"labels":["low","middle","high"],'
says "$out" '"thresholds":[0.5,0.4,0.6],'
says "$out" '"neighbours":[],'
says "$out" '"entry_thresholds":[0.5,0.4,0.6]'
says "$out" '"purpose"'
says "$out" "{\"file\":\"$MODEL\""
# The same of its memory as for people.
for name in weight_bytes packed_weight_bytes arena_bytes; do
    bytes=$(sed -n "s/.*\"$name\":\([0-9]*\).*/\1/p" "$out")
    check "$name" [ "${bytes:-0}" -gt 0 ]
    echo "$bytes" | awk '{ printf "%.3f MB\n", $1 / 1e6 }' >>"$work/memory"
done
"$TUTTI" model "$MODEL" | grep -o '[0-9.]* MB' >"$work/memory_for_people"
same "$work/memory" "$work/memory_for_people"
expect 2 "$TUTTI" model "$MODEL" "$MODEL"
says "$err" "one file at a time"
expect 1 "$TUTTI" model "$work/missing"
says "$err" "$work/missing"
silent "$out"
expect 1 "$TUTTI" model "$work"
expect 1 "$TUTTI" model /dev/null
: >"$work/empty"
expect 1 "$TUTTI" model "$work/empty"
says "$err" "$work/empty"
size=$(wc -c <"$MODEL")
for bytes in 4 8 100 $((size - 1)); do
    head -c "$bytes" "$MODEL" >"$work/short"
    expect 1 "$TUTTI" model "$work/short"
    says "$err" "$work/short"
    silent "$out"
done
head -c 100000 /dev/urandom >"$work/garbage"
expect 1 "$TUTTI" model "$work/garbage"
tr a b <"$MODEL" >"$work/changed"
expect 1 "$TUTTI" model "$work/changed"

# ---- bench ----
expect 0 "$TUTTI" bench --model "$MODEL" --seconds 0.01 --hop 0.1
for stage in resampler 'front end' level network pointwise everything; do
    says "$out" "$stage"
done
silent "$err" # no bar where there is no terminal
# Every kind of layer that a model has is listed.
expect 0 "$TUTTI" bench --model "$(dirname "$MODEL")/steps.safetensors" --seconds 0.01
for stage in conv depthwise time_steps pointwise attention; do
    says "$out" "$stage"
done
expect 0 "$TUTTI" bench --model "$MODEL" --seconds 0.01 --layers --kernel portable
says "$out" "kernel   portable"
says "$out" "plain C"
says "$out" "Shapes are time x frequency x channels"
says "$out" "streams a core"
expect 0 "$TUTTI" bench --model "$MODEL" --seconds 0.01 --json
for key in kernel hop_s network_per_window frontend_per_s whole_per_s share_of_core \
    times_real_time sustainable_hop_s layers peak_gmac_per_s share_of_peak \
    sustainable_streams_per_core; do
    says "$out" "\"$key\":"
done
# The manual page tells of every key, but of the names of layers.
for key in $(sed 's/"layers":{"[^"]*"/"layers":{/; s/},"[^"]*":{"kind"/},{"kind"/g' "$out" |
    grep -o '"[a-z0-9_]*":' | tr -d '":' | sort -u); do
    check "tutti.1 tells of $key" grep -qw -e "$key" "$TUTTI_MANUAL"
done
expect 2 "$TUTTI" bench --seconds 0
expect 2 "$TUTTI" bench --model "$MODEL" --kernel nonsense
says "$err" "option --kernel: there is no kernel 'nonsense' here; there are: portable"
expect 2 "$TUTTI" bench something
expect 1 "$TUTTI" bench --model "$work/missing"

# ---- devices ----
expect 2 "$TUTTI" devices something
expect_with_devices 0 "$TUTTI" devices
check "something is said" [ -s "$out" ]
expect_with_devices 0 "$TUTTI" devices --json
check "a JSON array" grep -qx '\[.*\]' "$out"

# ---- watch: the daemon itself is in tests/e2e ----
expect 2 "$TUTTI" watch one two
says "$err" "tutti watch: what is 'two' for?"
expect 2 "$TUTTI" watch --format xml
says "$err" "option --format: 'xml' is not text or json"
expect 2 "$TUTTI" watch ftp://hall/
says "$err" "tutti watch: 'ftp://hall/' is not the address of a daemon, such as http://127.0.0.1:8808/"
expect 2 "$TUTTI" watch --source '../x'
says "$err" "'../x' is not the name of a source"
expect 1 "$TUTTI" watch 127.0.0.1:1
silent "$out"
says "$err" "tutti watch: http://127.0.0.1:1/: Connection refused; is tuttid running there?"
check "one line" [ "$(wc -l <"$err")" -eq 1 ]

finish
