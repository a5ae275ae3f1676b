#!/bin/sh
set -eu

# "docker run node:26-slim app.js" and "docker run node:26-slim --version" are
# for node; only what is a command runs as one.
case "${1:-}" in
  "" | -*) set -- node "$@" ;;
  *)
    if ! command -v "$1" >/dev/null 2>&1 || { [ -f "$1" ] && [ ! -x "$1" ]; }; then
      set -- node "$@"
    fi
    ;;
esac

exec "$@"
