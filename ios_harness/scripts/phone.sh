#!/usr/bin/env bash
# Parity and benchmark on your own iPhone over a cable.
#
#   ios_harness/scripts/phone.sh OUT DEVICE_ID
#
# OUT is a new folder; `xcrun xctrace list devices` prints DEVICE_ID in brackets. First put your
# team into App/Signing.local.xcconfig, turn on the phone's Developer Mode, and unlock the phone.
set -euo pipefail
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

[ $# -eq 2 ] || fail "usage: $0 OUT DEVICE_ID"
out=$1
device=$2
need_xcode
need_fixtures
[ -f "$harness/App/Signing.local.xcconfig" ] ||
  fail "App/Signing.local.xcconfig is missing: see App/Signing.xcconfig for its contents"
make_output "$out"

status=0
TEST_RUNNER_BLAZEPALM_IOS_CHANNEL=device \
  TEST_RUNNER_BLAZEPALM_IOS_COMMIT=$(commit) \
  xcodebuild test -project "$project" -scheme "$scheme" \
  -destination "platform=iOS,id=$device" -allowProvisioningUpdates \
  -resultBundlePath "$out/run.xcresult" | tee "$out/xcodebuild.log" || status=$?

export_attachments "$out/run.xcresult" "$out/attachments" || true
bundle=${BLAZEPALM_BUNDLE_ID:-$(xcodebuild -project "$project" -target HarnessHost -showBuildSettings 2>/dev/null |
  awk '$1 == "PRODUCT_BUNDLE_IDENTIFIER" { print $3; exit }')}
xcrun devicectl device copy from --device "$device" --domain-type appDataContainer \
  --domain-identifier "$bundle" --source Documents/out --destination "$out/out" ||
  fail "cannot copy the app's Documents/out; take the results from $out/attachments"
next_steps "$out/out/results.json"
exit "$status"
