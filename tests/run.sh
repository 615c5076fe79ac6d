#!/usr/bin/env bash
# Runs every test of the workspace, shows all of its output, and ends with one line: `N passed, N failed`, the sum over
# all test binaries. A binary that dies before its own sum counts as one failure. The exit code is cargo's.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
cargo test --workspace --locked --no-fail-fast "$@" 2>&1 | tee "$log"
code=${PIPESTATUS[0]}

awk '
  /^ +(Running|Doc-tests) / { started++ }
  /^test result: / {
    finished++
    for (i = 1; i < NF; i++) {
      if ($(i + 1) == "passed;") passed += $i
      if ($(i + 1) == "failed;") failed += $i
    }
  }
  END {
    died = started - finished
    if (started == 0) print "no test ran: the build failed, see above"
    if (died > 0) print died " test binaries died before they were done, see above"
    printf "%d passed, %d failed\n", passed, failed + (died > 0 ? died : 0)
  }
' "$log"
exit "$code"
