#!/usr/bin/env bash
set -euo pipefail

# The server reads RABBITMQ_DEFAULT_USER, _PASS, _VHOST and _ERLANG_COOKIE by
# itself; what is left is to own the data and to leave root.
case "${1:-}" in
  rabbitmq*)
    if [ "$(id -u)" = 0 ]; then
      if [ "$1" = rabbitmq-server ]; then
        find /var/lib/rabbitmq \! -user rabbitmq -exec chown rabbitmq {} +
      fi
      exec setpriv --reuid=rabbitmq --regid=rabbitmq --init-groups "$0" "$@"
    fi
    ;;
esac

# Erlang makes a table entry for each file it might open, and engines often
# allow a billion.
limit=$(ulimit -n)
if [ "$limit" = unlimited ] || [ "$limit" -gt 65536 ]; then ulimit -Sn 65536; fi

exec "$@"
