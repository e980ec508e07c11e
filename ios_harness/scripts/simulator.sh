#!/usr/bin/env bash
# Checks parity in a simulator, on the CPU: no phone, no signing, and no benchmark.
#
#   ios_harness/scripts/simulator.sh OUT [SIMULATOR]
#
# OUT is a new folder; SIMULATOR a name from `xcrun simctl list devices available`, by default the
# first iPhone there.
set -euo pipefail
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

[ $# -ge 1 ] || fail "usage: $0 OUT [SIMULATOR]"
out=$1
need_xcode
need_fixtures
simulator=${2:-$(first_iphone)}
[ -n "$simulator" ] ||
  fail "there is no iPhone simulator: add one in Xcode, Settings, Components"
make_output "$out"

status=0
TEST_RUNNER_BLAZEPALM_IOS_UNITS=cpuOnly \
  TEST_RUNNER_BLAZEPALM_IOS_STAGES=parity,pipeline \
  TEST_RUNNER_BLAZEPALM_IOS_CHANNEL=simulator \
  TEST_RUNNER_BLAZEPALM_IOS_COMMIT=$(commit) \
  TEST_RUNNER_BLAZEPALM_IOS_OUT=$(cd "$out" && pwd)/out \
  xcodebuild test -project "$project" -scheme "$scheme" \
  -destination "platform=iOS Simulator,name=$simulator" \
  -resultBundlePath "$out/run.xcresult" | tee "$out/xcodebuild.log" || status=$?

# Tests in a simulator write directly to OUT; export the attachments as well.
export_attachments "$out/run.xcresult" "$out/attachments" || true
[ -f "$out/out/results.json" ] || fail "no results: see $out/xcodebuild.log"
next_steps "$out/out/results.json"
exit "$status"
