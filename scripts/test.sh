#!/usr/bin/env bash
# All tests: units, commands and documentation, then those on a real engine.
set -euo pipefail
# shellcheck source=scripts/machine.sh
source "$(dirname "${BASH_SOURCE[0]}")/machine.sh"

# While Engine 20.10 makes a network it takes the isolation of all bridges out
# of the firewall and puts it back, some 25 ms later. Another test's network
# would open the one whose isolation is being tested.
readonly STACKS_AT_A_TIME=1

usage() {
  cat <<'TEXT'
Usage: scripts/test.sh [--yes]

Runs all tests, those on a real Docker Engine included. Needs no earlier run of
anything: a missing engine and missing images are brought first.

--yes  Install system packages without asking (so does CI=true, or standard
       input that is no terminal).
TEXT
}

yes=0
if [ "${CI:-}" = true ] || [ ! -t 0 ]; then yes=1; fi
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

need_packages "$yes" cc="gcc libc6-dev" curl="curl ca-certificates"
need_rust
use_docker_context
"$root/scripts/engine.sh" start ${agreed[@]+"${agreed[@]}"}

cd "$root"
# What needs no engine comes first: it fails soonest. It also builds the
# devstack that builds the images.
cargo test --locked --all-features
DEVSTACK_BIN=$(target_folder)/debug/devstack "$root/scripts/images.sh" ${agreed[@]+"${agreed[@]}"}
cargo test --locked --all-features --test docker -- --ignored --test-threads "$STACKS_AT_A_TIME"
