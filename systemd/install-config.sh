#!/bin/sh
# Run by "meson install": puts the sample configuration where tuttid looks for it, unless there is
# one already, which may have been edited. Everything in the sample is a comment.
#   install-config.sh SAMPLE FOLDER
set -eu
target=${DESTDIR:-}$2/tuttid.conf
[ ! -e "$target" ] || exit 0
if mkdir -p "${target%/*}" 2>/dev/null && cp "$1" "$target" 2>/dev/null; then
    chmod 644 "$target"
    echo "Installing $target"
else
    echo "Not installing $target: no permission (tuttid runs without it)"
fi
