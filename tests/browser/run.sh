#!/bin/sh
# Runs one test file of the page in headless Chromium. The first time it fetches
# playwright-core, the only package needed, from the npm registry (with TUTTI_NO_INSTALL in the
# environment it is skipped instead).
#   sh run.sh FILE.test.mjs
# CHROMIUM: the browser, default /usr/bin/chromium. ARTEFACTS: where screenshots go.
set -eu
cd "$(dirname "$0")"
# Asked of node, because an installation that was broken off leaves its folder.
if ! node -e 'require("playwright-core")' 2>/dev/null; then
    [ -z "${TUTTI_NO_INSTALL:-}" ] || exit 77
    npm ci --no-audit --no-fund >&2
fi
exec node --test "$1"
