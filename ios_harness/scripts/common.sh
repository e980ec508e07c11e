# Functions for the other scripts in this folder; do not run this file.
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

# The commit of the checkout, for the results; empty outside a git checkout.
commit() {
  git -C "$harness" rev-parse HEAD 2>/dev/null || true
}

# The name of the first iPhone simulator; empty if there is none.
first_iphone() {
  local names
  names=$(xcrun simctl list devices available | sed -n 's/^ *\(iPhone.*\) ([0-9A-F-]\{36\}).*/\1/p')
  printf '%s\n' "${names%%$'\n'*}"
}

# Creates the output folder of a run; fails if it is not empty.
make_output() {
  mkdir -p "$1"
  [ -z "$(ls -A "$1")" ] || fail "$1 is not empty: name another folder"
}

# Exports a result bundle's attachments: results.json of every case and of the whole run.
export_attachments() {
  xcrun xcresulttool export attachments --path "$1" --output-path "$2"
}

next_steps() {
  printf '\nResults: %s\n' "$1"
  printf 'Next:  blazepalm ios ingest %s\n' "$1"
}
