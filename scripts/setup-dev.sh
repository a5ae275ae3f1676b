#!/usr/bin/env bash
# From a fresh clone to a running stack.
set -euo pipefail
# shellcheck source=scripts/machine.sh
source "$(dirname "${BASH_SOURCE[0]}")/machine.sh"

usage() {
  cat <<'TEXT'
Usage: scripts/setup-dev.sh [--yes]

Brings everything that the stack needs onto this machine and starts it: system
packages, a Docker Engine, the devstack command, the images. What is there
already is left alone, so it may be run at any time.

--yes  Install system packages without asking (CI=true does the same).
TEXT
}

yes=0
[ "${CI:-}" != true ] || yes=1
while [ $# -gt 0 ]; do
  case "$1" in
    --yes | -y) yes=1 ;;
    --help | -h)
      usage
      exit 0
      ;;
    *) die "unknown argument: $1" "see $0 --help" ;;
  esac
  shift
done
agreed=()
[ "$yes" != 1 ] || agreed=(--yes)

# The folder for the command: cargo's, or the one that the user's PATH has.
bin_folder() {
  local cargo=${CARGO_HOME:-$HOME/.cargo}/bin own=$HOME/.local/bin
  case ":$1:" in
    *":$cargo:"*) printf '%s\n' "$cargo" ;;
    *":$own:"*) printf '%s\n' "$own" ;;
    *) printf '%s\n' "$cargo" ;;
  esac
}

# Cargo knows best whether a binary is of these sources; where nothing changed
# it answers at once.
install_devstack() {
  local built installed=$1/devstack quiet=()
  built=$(target_folder)/release/devstack
  if [ -x "$built" ] && [ -z "$(find "$root"/{src,templates/presets,Cargo.toml,Cargo.lock} -newer "$built" -print -quit)" ]; then
    quiet=(--quiet)
  else
    say "Building devstack, which takes minutes the first time"
  fi
  (cd "$root" && cargo build --release --locked ${quiet[@]+"${quiet[@]}"}) || die "devstack does not build"
  if cmp -s "$built" "$installed"; then
    ok "devstack: $installed is built from this tree"
    return 0
  fi
  mkdir -p "$1"
  # In one step, so that a devstack that runs is not written into.
  cp "$built" "$installed.new"
  mv -f "$installed.new" "$installed"
  ok "devstack: built from this tree and installed as $installed"
}

# Rust's linker is the C compiler, and one of the crates has C in it.
need_packages "$yes" cc="gcc libc6-dev" curl="curl ca-certificates"
ok "system packages: a C compiler and curl"

need_rust
ok "Rust: $(cd "$root" && cargo --version)"

use_docker_context
engine=$("$root/scripts/engine.sh" start ${agreed[@]+"${agreed[@]}"}) || exit 1
ok "engine: $(tail -n 1 <<<"$engine")"

# Without the folder that machine.sh added.
user_path=${PATH%:*}
folder=$(bin_folder "$user_path")
install_devstack "$folder"
installed=$folder/devstack

if images=$("$root/scripts/images.sh" --check); then
  ok "images: $images"
else
  DEVSTACK_BIN=$installed "$root/scripts/images.sh" ${agreed[@]+"${agreed[@]}"}
  ok "images: $("$root/scripts/images.sh" --check)"
fi

cd "$root"
# Its table comes once, below and with the passwords.
"$installed" up -d >/dev/null
ok "stack: devstack up -d"

say ""
"$installed" status --show-secrets
say ""
case ":$user_path:" in
  *":$folder:"*) ;;
  *) say "The command is not in your PATH yet:  export PATH=\"$folder:\$PATH\"" ;;
esac
say "Try it:  curl localhost:8000/notes"
