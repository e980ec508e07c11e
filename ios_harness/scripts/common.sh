# Shared by the scripts beside it; not to be run by itself.
# shellcheck shell=bash

harness=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export project="$harness/App/Harness.xcodeproj"
export scheme=${BLAZEPALM_SCHEME:-Harness}

fail() {
  printf '%s\n' "$*" >&2
  exit 2
}

need_xcode() {
  command -v xcodebuild >/dev/null || fail "xcodebuild is missing: install Xcode, then run xcode-select --switch"
}

need_fixtures() {
  [ -f "$harness/App/Fixtures/manifest.json" ] ||
    fail "App/Fixtures is empty: run  blazepalm golden export-ios -o $harness/App/Fixtures"
}

# The commit of the checkout, for the results; empty where there is none.
commit() {
  git -C "$harness" rev-parse HEAD 2>/dev/null || true
}

# A fresh folder for what a run leaves.
make_output() {
  mkdir -p "$1"
  [ -z "$(ls -A "$1")" ] || fail "$1 is not empty: name another folder"
}

# Attachments of a result bundle: results.json of every case and of the whole.
export_attachments() {
  xcrun xcresulttool export attachments --path "$1" --output-path "$2"
}

next_steps() {
  printf '\nResults: %s\n' "$1"
  printf 'Next:  blazepalm ios ingest %s\n' "$1"
}
