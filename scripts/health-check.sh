#!/usr/bin/env bash
# Whether every service of the stack can be used: exit code 0 or 1, one line per service.
set -euo pipefail
# shellcheck source=scripts/machine.sh
source "$(dirname "${BASH_SOURCE[0]}")/machine.sh"

usage() {
  cat <<'TEXT'
Usage: scripts/health-check.sh [OPTION...] [SERVICE...]

Asks every service of this repository's stack (or those that are named) in its
own protocol. Exit code 0 when all can be used, 1 when some cannot, 3 when there
is no Docker Engine. Options are those of `devstack health`:

--wait              Ask again until all is well, for a minute
--wait-timeout S    or for so many seconds
--quiet             Print nothing
--format json       Print JSON
TEXT
}

case "${1:-}" in
  --help | -h)
    usage
    exit 0
    ;;
esac

# The one that was named, an installed one, or one that was built here.
find_devstack() {
  local target
  if [ -n "${DEVSTACK_BIN:-}" ]; then
    say "$DEVSTACK_BIN"
  elif command -v devstack >/dev/null; then
    command -v devstack
  else
    target=$(target_folder 2>/dev/null) || target=$root/target
    for built in "$target/release/devstack" "$target/debug/devstack"; do
      if [ -x "$built" ]; then
        say "$built"
        return
      fi
    done
    return 1
  fi
}

devstack=$(find_devstack) || die "there is no devstack here" "build it and start the stack:  scripts/setup-dev.sh"
cd "$root"
exec "$devstack" health "$@"
