#!/bin/sh
# Runs a program for Windows. Its output goes to files first: Wine must not get a pipe.
set -u
export WINEPREFIX='@PREFIX@' WINEDEBUG=-all WINEDLLOVERRIDES='mscoree=;mshtml='
output=$(mktemp -d '@FOLDER@/output.XXXXXX')
timeout --kill-after=10 900 '@WINE@' "$@" >"$output/out" 2>"$output/err" </dev/null
status=$?
cat "$output/out"
cat "$output/err" >&2
if [ -n "${SCRATCHRS_WINE_RESULTS:-}" ]; then
    cat "$output/out" >>"$SCRATCHRS_WINE_RESULTS"
fi
rm -r "$output"
exit $status
