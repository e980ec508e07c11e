#!/usr/bin/env bash
# The harness's own tests on Linux: recorded outputs in place of Core ML.
#
#   ios_harness/scripts/replay.sh OUT [FIXTURES]
#
# OUT is a new folder; FIXTURES what `blazepalm golden export-ios` has written, by default the
# small ones in Tests/Fixtures. BLAZEPALM_IOS_FAULT=nan and the like plant a fault. As of a device,
# OUT gets out/, attachments/ and a log.
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
  swift test --package-path "$harness" \
  --scratch-path "${BLAZEPALM_SWIFT_SCRATCH:-$harness/.build/shim}" \
  --filter '^HarnessTests\.' >"$out/swift.log" 2>&1 || status=$?
[ -f "$out/out/results.json" ] || fail "no results: see $out/swift.log"
next_steps "$out/out/results.json"
exit "$status"
