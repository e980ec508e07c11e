#!/usr/bin/env bash
# Builds the upload for a device farm: the built products and the .xctestrun in one zip.
#
#   ios_harness/scripts/farm.sh OUT
#
# Upload OUT/harness-tests.zip to a farm that runs XCTest bundles (AWS Device Farm also needs
# OUT/HarnessHost.ipa; Google's device platform takes the zip alone). Then take results.json from
# the run's attachments or from the app's Documents/out, or the lines that begin with
# `blazepalm-results ` from its log.
set -euo pipefail
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

[ $# -eq 1 ] || fail "usage: $0 OUT"
out=$1
need_xcode
need_fixtures
make_output "$out"

# A farm sets no variables, so the bundled configuration names the channel and the commit.
config="$harness/App/Fixtures/run.json"
saved=
if [ -f "$config" ]; then
  saved=$(mktemp)
  cp "$config" "$saved"
fi
restore() {
  if [ -n "$saved" ]; then mv "$saved" "$config"; else rm -f "$config"; fi
}
trap restore EXIT
/usr/bin/python3 - "$config" "$(commit)" <<'PY'
import json, os, sys
path, commit = sys.argv[1:]
values = json.load(open(path)) if os.path.exists(path) else {}
values.setdefault("channel", "farm")
values.setdefault("commit", commit)
json.dump(values, open(path, "w"))
PY

xcodebuild build-for-testing -project "$project" -scheme "$scheme" \
  -destination "generic/platform=iOS" -allowProvisioningUpdates \
  -derivedDataPath "$out/derived" | tee "$out/xcodebuild.log"

products="$out/derived/Build/Products"
runs=("$products"/*.xctestrun)
[ -f "${runs[0]}" ] || fail "no .xctestrun was built: see $out/xcodebuild.log"
target=$(cd "$out" && pwd)
(cd "$products" && zip -qry "$target/harness-tests.zip" Release-iphoneos ./*.xctestrun)
mkdir -p "$target/ipa/Payload"
cp -R "$products/Release-iphoneos/HarnessHost.app" "$target/ipa/Payload/"
(cd "$target/ipa" && zip -qry "$target/HarnessHost.ipa" Payload)
printf '\n%s\n%s\n' "$target/harness-tests.zip" "$target/HarnessHost.ipa"
