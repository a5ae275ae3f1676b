#!/bin/sh
set -eu

# The official image accepts Kong's own subcommands without "kong" in front.
case "${1:-}" in
  "") set -- kong docker-start ;;
  docker-start | -*) set -- kong "$@" ;;
esac

exec "$@"
