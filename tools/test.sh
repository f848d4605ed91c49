#!/bin/sh
# tools/test.sh [--quick] - build, run the tests of every build, and count them.
#
# The last line is `N passed, N failed`. Every build's own log is in build/<which>/meson-logs.
set -u
cd "$(dirname "$0")/.."

quick=no
[ "${1:-}" = --quick ] && quick=yes
passed=0
failed=0

count() {
    log=build/$1/meson-logs/testlog.json
    [ -f "$log" ] || return 0
    ok=$(grep -c -E '"result": "(OK|EXPECTEDFAIL)"' "$log")
    bad=$(grep -c -E '"result": "(FAIL|ERROR|TIMEOUT|INTERRUPT|UNEXPECTEDPASS)"' "$log")
    passed=$((passed + ok))
    failed=$((failed + bad))
}

# suite BUILD [meson test options]: build, test, count
suite() {
    which=$1
    shift
    echo "== $which"
    rm -f "build/$which/meson-logs/testlog.json"
    if ./dev build "$which"; then
        meson test -C "build/$which" --no-rebuild --print-errorlogs "$@"
        count "$which"
    else
        failed=$((failed + 1))
    fi
}

if [ $quick = yes ]; then
    suite debug --no-suite slow
else
    suite debug
    suite release
    suite clang --suite unit
    suite tsan --suite unit --suite threads
    suite fuzz --suite fuzz
fi

echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
