#!/usr/bin/env bash
# First start of a database, by the contract that the official image documents.
set -euo pipefail

fail() {
  printf 'error: %s\n' "$@" >&2
  exit 1
}

# VAR, or the content of the file that VAR_FILE names (as secrets are mounted).
from_file() {
  local name=$1 default=${2:-} file_name=$1_FILE
  local value=${!name:-} file=${!file_name:-}
  [ -z "$value" ] || [ -z "$file" ] || fail "both $name and $file_name are set, only one may be"
  [ -z "$file" ] || value=$(<"$file")
  export "$name=${value:-$default}"
  unset "$file_name"
}

# Questions like "postgres --version" must not make a database.
only_asks() {
  local argument
  for argument; do
    case "$argument" in
      -'?' | --help | --describe-config | -V | --version) return 0 ;;
    esac
  done
  return 1
}

own_folders() {
  mkdir -p "$PGDATA"
  chmod 700 "$PGDATA" 2>/dev/null || true
  mkdir -p /var/run/postgresql
  chmod 3777 /var/run/postgresql 2>/dev/null || true
  if [ -n "${POSTGRES_INITDB_WALDIR:-}" ]; then
    mkdir -p "$POSTGRES_INITDB_WALDIR"
    chmod 700 "$POSTGRES_INITDB_WALDIR" 2>/dev/null || true
  fi
  [ "$(id -u)" -eq 0 ] || return 0
  find "$PGDATA" /var/run/postgresql ${POSTGRES_INITDB_WALDIR:+"$POSTGRES_INITDB_WALDIR"} \
    \! -user postgres -exec chown postgres {} +
}

require_password() {
  [ -z "$POSTGRES_PASSWORD" ] || return 0
  if [ "$POSTGRES_HOST_AUTH_METHOD" = trust ]; then
    echo "warning: POSTGRES_HOST_AUTH_METHOD=trust lets everybody who reaches this database in, without a password" >&2
    return 0
  fi
  fail "the database is new and has no superuser password" \
    "set POSTGRES_PASSWORD to anything but the empty string," \
    "or POSTGRES_HOST_AUTH_METHOD=trust to allow every connection without one"
}

init_cluster() {
  local arguments=(--username="$POSTGRES_USER")
  [ -z "${POSTGRES_INITDB_WALDIR:-}" ] || arguments+=(--waldir="$POSTGRES_INITDB_WALDIR")
  # initdb insists on a user that has a name, "docker run --user 1234" has none.
  if ! getent passwd "$(id -u)" >/dev/null; then
    NSS_WRAPPER_PASSWD=$(mktemp)
    NSS_WRAPPER_GROUP=$(mktemp)
    printf 'postgres:x:%s:%s:PostgreSQL:%s:/bin/false\n' "$(id -u)" "$(id -g)" "$PGDATA" >"$NSS_WRAPPER_PASSWD"
    printf 'postgres:x:%s:\n' "$(id -g)" >"$NSS_WRAPPER_GROUP"
    export NSS_WRAPPER_PASSWD NSS_WRAPPER_GROUP LD_PRELOAD=libnss_wrapper.so
  fi
  # POSTGRES_INITDB_ARGS is a list of words, with quotes as in a shell.
  eval 'initdb "${arguments[@]}" --pwfile=<(printf "%s\n" "$POSTGRES_PASSWORD") '"$POSTGRES_INITDB_ARGS"
  if [ -n "${NSS_WRAPPER_PASSWD:-}" ]; then
    rm -f "$NSS_WRAPPER_PASSWD" "$NSS_WRAPPER_GROUP"
    unset LD_PRELOAD NSS_WRAPPER_PASSWD NSS_WRAPPER_GROUP
  fi
}

allow_network_logins() {
  local method=$POSTGRES_HOST_AUTH_METHOD
  # What the server hashes passwords with is what it can check them by.
  [ -n "$method" ] || method=$(postgres -C password_encryption "${@:2}")
  printf '\nhost all all all %s\n' "$method" >>"$PGDATA/pg_hba.conf"
}

run_psql() {
  psql -v ON_ERROR_STOP=1 --no-psqlrc --username "$POSTGRES_USER" --no-password "$@"
}

create_database() {
  local exists
  exists=$(run_psql --dbname postgres --tuples-only -v "name=$POSTGRES_DB" <<<"SELECT 1 FROM pg_database WHERE datname = :'name'")
  [ -n "$exists" ] || run_psql --dbname postgres -v "name=$POSTGRES_DB" <<<'CREATE DATABASE :"name"'
}

run_init_scripts() {
  local file
  for file in /docker-entrypoint-initdb.d/*; do
    [ -e "$file" ] || continue
    echo "init: $file"
    case "$file" in
      *.sh)
        if [ -x "$file" ]; then
          "$file"
        else
          # shellcheck source=/dev/null
          . "$file"
        fi
        ;;
      *.sql) run_psql --dbname "$POSTGRES_DB" --file "$file" ;;
      *.sql.gz) gunzip --stdout "$file" | run_psql --dbname "$POSTGRES_DB" ;;
      *.sql.xz) xz --decompress --stdout "$file" | run_psql --dbname "$POSTGRES_DB" ;;
      *.sql.zst) zstd --decompress --stdout "$file" | run_psql --dbname "$POSTGRES_DB" ;;
      *) echo "init: $file ignored, neither .sh nor .sql" ;;
    esac
  done
}

first_start() {
  require_password
  init_cluster
  allow_network_logins "$@"
  export PGPASSWORD=${PGPASSWORD:-$POSTGRES_PASSWORD}
  # Unix socket only: nobody may take this server for the real one. With the
  # user's own options, because init scripts may need what they turn on.
  local options
  options=$(printf '%q ' "${@:2}" -c listen_addresses= -p "${PGPORT:-5432}")
  PGHOST='' PGHOSTADDR='' pg_ctl --pgdata "$PGDATA" --options "$options" --wait start
  PGHOST='' PGHOSTADDR='' create_database
  PGHOST='' PGHOSTADDR='' run_init_scripts
  pg_ctl --pgdata "$PGDATA" --mode fast --wait stop
  unset PGPASSWORD
  echo 'init: the database is made, starting it'
}

main() {
  case "${1:-}" in
    -* | "") set -- postgres "$@" ;;
  esac
  if [ "$1" = postgres ] && ! only_asks "$@"; then
    own_folders
    if [ "$(id -u)" -eq 0 ]; then
      export HOME=/var/lib/postgresql
      exec setpriv --reuid=postgres --regid=postgres --init-groups "${BASH_SOURCE[0]}" "$@"
    fi
    if [ ! -s "$PGDATA/PG_VERSION" ]; then
      from_file POSTGRES_PASSWORD
      from_file POSTGRES_USER postgres
      from_file POSTGRES_DB "$POSTGRES_USER"
      from_file POSTGRES_INITDB_ARGS
      : "${POSTGRES_HOST_AUTH_METHOD:=}"
      first_start "$@"
    fi
  fi
  exec "$@"
}

main "$@"
