#!/bin/sh
# Runs one test file of the page in headless Chromium. The first time it fetches
# playwright-core, the only package needed, from the npm registry.
#   sh run.sh FILE.test.mjs
# CHROMIUM: the browser, default /usr/bin/chromium. ARTEFACTS: where screenshots go.
set -eu
cd "$(dirname "$0")"
if [ ! -d node_modules/playwright-core ]; then
    npm ci --no-audit --no-fund >&2
fi
exec node --test "$1"
