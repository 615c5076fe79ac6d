#!/usr/bin/env bash
# Shows that the oracles of the faults see: builds the platform with each defect of this folder put in on purpose, and
# breaks it. Every one of them has to be found. Ends with 1 where one is not.
#
#   tests/mutations/run.sh [SEEDS=3000 [NAME]...]         by the simulation, as `make test` does
#   tests/mutations/run.sh --real [SEEDS=200 [NAME]...]   by `make chaos`: real processes of the defective build, and
#                                                         real servers
set -u -o pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 1
root=$(cd "$here/../.." && pwd) || exit 1
program=simulate seeds=3000
if [ "${1:-}" = --real ]; then
  program=aria seeds=200
  shift
fi
seeds=${1:-$seeds}
names=("${@:2}")
[ ${#names[@]} -gt 0 ] || names=("$here"/*.patch)
cd "$root" || exit 1

built=$(realpath -m "${CARGO_TARGET_DIR:-target}")
work=$built/mutations
source=$work/source
# A target folder of its own, or the next build of the real source would find the defect's. What the dependencies were
# built to is lent to it.
if [ ! -d "$work/target/debug/deps" ]; then
  mkdir -p "$work/target/debug/deps" || exit 1
  cp -a "$built/debug/.fingerprint" "$built/debug/build" "$work/target/debug/" || exit 1
  find "$built/debug/deps" -maxdepth 1 \( -name '*.rlib' -o -name '*.rmeta' -o -name '*.so' -o -name '*.d' \) \
    -exec cp -a -t "$work/target/debug/deps" {} + || exit 1
fi

rm -rf "$source" && mkdir -p "$source" || exit 1
git ls-files -z --cached --others --exclude-standard | xargs -0 cp -p --parents -t "$source" || exit 1
cd "$source" || exit 1
# Not as a part of this repository: the patches are for the copy.
export GIT_CEILING_DIRECTORIES=$work

# Breaks what was just built, until it shows. Each says whether it did, and ends with 1 where it did not.
simulated() {
  local name=$1 found
  found=$("$work/target/debug/simulate" --seeds "$seeds" --enough 1 2>&1)
  case $? in
    0) echo "$name: NOT FOUND in $seeds seeds"; return 1 ;;
    1) echo "$name: found. $(tail -n 1 <<<"$found"); $(grep -m 1 -A 1 '^seed ' <<<"$found" | tr -s '\n ' ' ')" ;;
    2 | 101) echo "$name: found at once, undisturbed. $(tail -n 1 <<<"$found")" ;;
    *) echo "$name: the simulation was ended from outside"; exit 1 ;;
  esac
}
real() {
  local name=$1 found
  # What a schedule that ended badly leaves behind is for people to look at; here it is expected.
  rm -rf "$work/tmp" && mkdir -p "$work/tmp" || exit 1
  found=$(TMPDIR=$work/tmp ARIA_BINARY=$work/target/debug/aria SEED='' FROM='' SEEDS=$seeds DEMOS=0 ENOUGH=1 "$built/debug/chaos" 2>&1)
  case $? in
    0) echo "$name: NOT FOUND in $seeds schedules"; return 1 ;;
    1) ;;
    *) echo "$name: the harness was ended from outside"; exit 1 ;;
  esac
  if grep -q ' VIOLATIONS, ' <<<"$found"; then
    # Of a schedule that went wrong: its line, and the first thing that differs.
    echo "$name: found. $(tail -n 1 <<<"$found"); $(grep -m 1 -A 1 '^seed .* VIOLATION' <<<"$found" | tr -s '\n ' ' ')"
  elif grep -q '^chaos: the undisturbed run of ' <<<"$found"; then
    echo "$name: found at once, undisturbed. $(tail -n 1 <<<"$found")"
  else
    echo "$name: the harness could not run. $(tail -n 1 <<<"$found")"
    exit 1
  fi
}

missed=0
for name in "${names[@]}"; do
  name=$(basename "$name" .patch)
  patch=$here/$name.patch
  git apply "$patch" || { echo "$name: the patch does not apply any more: make it anew"; exit 1; }
  cargo build --locked --quiet --workspace --bin "$program" --target-dir "$work/target" || { echo "$name: does not build"; exit 1; }
  if [ "$program" = aria ]; then real "$name" || missed=1; else simulated "$name" || missed=1; fi
  # The time of the change is what the next build goes by.
  git apply --reverse "$patch" || exit 1
done
cd "$root" && rm -rf "$source" "$work/tmp"
exit "$missed"
