#!/bin/sh
set -eu

# "docker run redis:8 --appendonly yes" and "docker run redis:8 /my.conf".
case "${1:-}" in
  "" | -* | *.conf) set -- redis-server "$@" ;;
esac

# Protected mode refuses every client that is not on the container's own
# loopback; the official image is compiled without it. Who asks for it gets it.
open_to_the_network() {
  for argument; do
    case "$argument" in
      --protected-mode) return 1 ;;
      *.conf) ! grep -qi '^[[:space:]]*protected-mode' "$argument" 2>/dev/null || return 1 ;;
    esac
  done
}

if [ "$1" = redis-server ]; then
  if [ "$(id -u)" = 0 ]; then
    find . \! -user redis -exec chown redis {} +
    exec setpriv --reuid=redis --regid=redis --init-groups "$0" "$@"
  fi
  case "${2:-}" in
    -v | --version | -h | --help | --check-system | --test-memory) ;;
    *) ! open_to_the_network "$@" || set -- "$@" --protected-mode no ;;
  esac
fi

exec "$@"
