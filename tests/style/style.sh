#!/bin/sh
# Does the code follow .clang-format and .editorconfig? Run from anywhere:
#   sh tests/style/style.sh [ROOT]
# Checks the files that git tracks (in an exported tree: all files).
set -eu
cd "${1:-$(dirname "$0")/../..}"

if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    files=$(git ls-files --cached --others --exclude-standard)
else
    files=$(find . -type f ! -path './.*' ! -path '*/node_modules/*' ! -path './build*' | sed 's|^\./||')
fi
files=$(printf '%s\n' "$files" | while read -r file; do [ -f "$file" ] && printf '%s\n' "$file"; done)

failed=0
complain() {
    printf '%s\n' "$1"
    failed=1
}

c_files=$(printf '%s\n' "$files" | grep -E '\.[ch]$' || true)
if command -v clang-format >/dev/null; then
    # shellcheck disable=SC2086
    clang-format --dry-run -Werror $c_files || failed=1
else
    complain 'clang-format is not installed'
fi

text_files=$(printf '%s\n' "$files" |
    grep -E '\.(c|h|py|js|mjs|css|html|md|sh|json|conf|service|svg|csv)(\.in)?$|meson(\.build|_options\.txt)$|^\.ci/run$|\.(clang-format|editorconfig)$' || true)
for file in $text_files; do
    if grep -nE '[[:space:]]+$' "$file" /dev/null; then
        complain "$file: trailing white space"
    fi
    if grep -nP '\t' "$file" /dev/null | head -3 | grep .; then
        complain "$file: a tab"
    fi
    if [ -s "$file" ] && [ -n "$(tail -c 1 "$file")" ]; then
        complain "$file: no newline at the end"
    fi
    case $file in
    *.c | *.h | *.py | *.js | *.mjs)
        awk -v file="$file" 'length($0) > 100 { print file ":" FNR ": longer than 100 columns"; bad = 1 }
            END { exit bad }' "$file" || failed=1
        ;;
    esac
done
exit $failed
