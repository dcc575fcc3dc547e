# meson install into an empty folder: what is installed is complete, finds its model wherever the
# folder is moved to, and an edited configuration stays as it is.
#   test_install.sh BUILD_FOLDER PREFIX CONFIGURATION_FOLDER
. "$(dirname "$0")/cli.sh"
build=$1
prefix=$2
config=$3/tuttid.conf
root=$work/root

last='meson install'
meson install -C "$build" --no-rebuild --quiet --destdir "$root" >"$out" 2>"$err"
check "exit status 0" [ $? -eq 0 ]
for file in bin/tuttid bin/tutti share/doc/tutti/LICENSE share/doc/tutti/NOTICE \
    share/doc/tutti/model.md share/doc/tutti/FORMAT.md share/doc/tutti/plots/reliability.png \
    share/doc/tutti/training/README.md share/man/man1/tutti.1 \
    share/man/man1/tuttid.1 lib/systemd/system/tuttid.service; do
    check "$prefix/$file is installed" [ -s "$root$prefix/$file" ]
done
[ ! -e "$build/models/tutti-20.safetensors" ] ||
    same "$root$prefix/share/tutti/tutti-20.safetensors" "$build/models/tutti-20.safetensors"
same "$root$config" "$SAMPLE"
check "the manual page names it" grep -qF "$config" "$root$prefix/share/man/man1/tuttid.1"
expect 0 "$root$prefix/bin/tuttid" --help
check "the help names it" sh -c "tr -d '\n' <'$out' | tr -s ' ' | grep -qF '$config'"
check "the unit starts the program" \
    grep -qx "ExecStart=$prefix/bin/tuttid" "$root$prefix/lib/systemd/system/tuttid.service"

check "the unit tries for ever" \
    grep -qx "StartLimitIntervalSec=0" "$root$prefix/lib/systemd/system/tuttid.service"

# Its sandbox. What remains is what it is for: sound devices, and the network.
if command -v systemd-analyze >/dev/null; then
    unit=$root$prefix/lib/systemd/system/tuttid.service
    expect 0 systemd-analyze security --offline=yes --no-pager --threshold=16 "$unit"
    sed "s|^ExecStart=.*|ExecStart=$root$prefix/bin/tuttid|" "$unit" >"$work/tuttid.service"
    expect 0 systemd-analyze verify --man=no "$work/tuttid.service"
    silent "$err"
fi

echo '# edited' >"$root$config"
meson install -C "$build" --no-rebuild --quiet --destdir "$root" >"$out" 2>"$err"
check "an edited configuration stays" [ "$(cat "$root$config")" = '# edited' ]

# Moved to where nobody installed it, with a model of its own.
mv "$root$prefix" "$work/moved"
expect 0 "$work/moved/bin/tutti" --version
mkdir -p "$work/moved/share/tutti"
cp "$MODEL" "$work/moved/share/tutti/tutti-20.safetensors"
expect 0 "$work/moved/bin/tutti" model
says "$out" "/share/tutti/tutti-20.safetensors: sound"
says "$out" "name        tiny"
expect 0 "$work/moved/bin/tutti" model --json
check "the path of the file" grep -q '^{"file":"/.*/share/tutti/tutti-20.safetensors"' "$out"
rm "$work/moved/share/tutti/tutti-20.safetensors"
if [ ! -e "$prefix/share/tutti/tutti-20.safetensors" ]; then
    expect 1 "$work/moved/bin/tutti" model
    says "$err" "no model: neither ../share/tutti/tutti-20.safetensors nor "
fi

finish
