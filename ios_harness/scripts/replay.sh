#!/usr/bin/env bash
# Runs the harness's tests on Linux, with recorded outputs in place of Core ML.
#
#   ios_harness/scripts/replay.sh OUT [FIXTURES]
#
# OUT is a new folder; FIXTURES a folder from `blazepalm golden export-ios`, by default the small
# one in Tests/Fixtures. BLAZEPALM_IOS_FAULT=nan (or another) plants a fault. As after a run on a
# device, OUT contains out/, attachments/ and a log.
set -euo pipefail
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

[ $# -ge 1 ] || fail "usage: $0 OUT [FIXTURES]"
out=$1
fixtures=${2:-$harness/Tests/Fixtures}
command -v swift >/dev/null || fail "swift is missing: put a Swift toolchain on the PATH"
make_output "$out"
[ -f "$fixtures/manifest.json" ] || fail "$fixtures has no manifest.json"

status=0
COREML_SHIM=1 BLAZEPALM_IOS_FIXTURES=$(cd "$fixtures" && pwd) \
  BLAZEPALM_IOS_OUT=$(cd "$out" && pwd)/out \
  BLAZEPALM_IOS_ATTACHMENTS=$(cd "$out" && pwd)/attachments \
  BLAZEPALM_IOS_COMMIT=$(commit) \
  swift test --package-path "$harness/.." \
  --scratch-path "${BLAZEPALM_SWIFT_SCRATCH:-$harness/../.build/shim}" \
  --filter '^HarnessTests\.' >"$out/swift.log" 2>&1 || status=$?
[ -f "$out/out/results.json" ] || fail "no results: see $out/swift.log"
next_steps "$out/out/results.json"
exit "$status"
