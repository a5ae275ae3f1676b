#!/usr/bin/env bash
# A Docker Engine on a bare Debian or Ubuntu machine, for development and CI.
set -euo pipefail
# shellcheck source=scripts/debian.sh
source "$(dirname "${BASH_SOURCE[0]}")/debian.sh"

readonly DEFAULT_SOCKET=/var/run/docker.sock
readonly STATE_ROOT=/run/devstack-engine
readonly CACHE_ROOT="${XDG_CACHE_HOME:-$HOME/.cache}/devstack"
readonly READY_SECONDS=60
readonly STOP_SECONDS=60

say() { printf '%s\n' "$*"; }
warn() { printf 'warning: %s\n' "$*" >&2; }
die() {
  printf 'error: %s\n' "$1" >&2
  shift
  local line
  for line in "$@"; do printf '       %s\n' "$line" >&2; done
  exit 1
}

usage() {
  cat <<'TEXT'
Usage: scripts/engine.sh [start] [--version 20.10|26.1] [--socket PATH] [--yes]
       scripts/engine.sh fetch  [--version 20.10|26.1] [--yes]
       scripts/engine.sh stop   [--version 20.10|26.1] [--socket PATH]
       scripts/engine.sh status

start   Does nothing when an engine already answers. Otherwise installs what is
        missing (asks first) and starts dockerd.
fetch   Brings what start would need onto the machine, and starts nothing.
stop    Stops the engines that this script started, and no other.
status  Says what answers and what this script started.

--version  20.10: the docker.io of Debian 12 (default: the distribution's own).
           26.1:  the docker.io of Debian 13, unpacked into the cache folder,
                  nothing of it is installed, with data of its own.
--socket   Listen there instead of on /var/run/docker.sock.
--yes      Install system packages without asking (CI=true does the same).
TEXT
}

# ---------------------------------------------------------------- engine API

# Raw answer of GET /_ping; its headers carry both versions, so no client of a
# particular version and no JSON parser are needed.
ping_unix() {
  local socket=$1
  [ -S "$socket" ] || return 1
  if command -v curl >/dev/null; then
    curl --silent --include --max-time 3 --noproxy '*' --unix-socket "$socket" http://localhost/_ping
  elif command -v perl >/dev/null; then
    # perl-base is essential on Debian, curl is not.
    # shellcheck disable=SC2016 # perl's variables, not the shell's
    perl -MIO::Socket::UNIX -e '
      alarm 3;
      my $s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or exit 1;
      print $s "GET /_ping HTTP/1.0\r\nHost: localhost\r\n\r\n";
      print while <$s>;' "$socket"
  else
    die "neither curl nor perl is here to ask the engine with"
  fi
}

ping_host() {
  local host=$1
  case "$host" in
    unix://*) ping_unix "${host#unix://}" ;;
    tcp://* | http://*)
      if [ -n "${DOCKER_TLS_VERIFY:-}" ]; then
        ping_client "$host"
      else
        curl --silent --include --max-time 3 --noproxy '*' "http://${host#*://}/_ping"
      fi
      ;;
    *) ping_client "$host" ;;
  esac
}

# Over ssh and TLS only docker's own client knows the way.
ping_client() {
  command -v docker >/dev/null || return 1
  DOCKER_HOST=$1 docker version --format \
    'HTTP/1.1 200 OK
Api-Version: {{.Server.APIVersion}}
Server: Docker/{{.Server.Version}}' 2>/dev/null
}

# Prints "20.10.24 (API 1.41)"; fails when nothing useful answers.
describe() {
  local answer
  answer=$(ping_host "$1" 2>/dev/null | tr -d '\r') || return 1
  [[ $answer == HTTP/*" 200"* ]] || return 1
  sed -n -E \
    -e 's/^[Ss]erver: [A-Za-z]+\/([^ ]+).*/engine \1/p' \
    -e 's/^[Aa]pi-[Vv]ersion: (.*)/(API \1)/p' <<<"$answer" | sort -r | paste -sd ' '
}

# ----------------------------------------------------------------- machine

is_linux() { [ "$(uname -s)" = Linux ]; }
has_systemd() { [ -d /run/systemd/system ]; }

# A killed process whose parent has not noticed yet keeps its name but is none.
process_is() {
  local pid=$1 name=$2
  [ -n "$pid" ] && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$name" ] &&
    ! grep -q '^State:[[:space:]]*Z' "/proc/$pid/status" 2>/dev/null
}

# Field 22, counted behind the command name, which may contain spaces.
start_time() { sed -E 's/^.*\) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

same_network_dockerd() {
  local dir pid
  for dir in /proc/[0-9]*; do
    pid=${dir#/proc/}
    process_is "$pid" dockerd || continue
    if [ "$(readlink "$dir/ns/net")" = "$(readlink /proc/self/ns/net)" ]; then
      printf '%s\n' "$pid"
      return 0
    fi
  done
  return 1
}

any_process() {
  local dir
  for dir in /proc/[0-9]*; do
    if process_is "${dir#/proc/}" "$1"; then return 0; fi
  done
  return 1
}

become_root() {
  [ "$(id -u)" -ne 0 ] || return 0
  if command -v sudo >/dev/null; then
    local pass=("XDG_CACHE_HOME=${XDG_CACHE_HOME:-$HOME/.cache}")
    [ -z "${CI:-}" ] || pass+=("CI=$CI")
    say "An engine needs root: going on with sudo."
    exec sudo env "${pass[@]}" "$(readlink -f "${BASH_SOURCE[0]}")" "${ARGUMENTS[@]}"
  fi
  die "an engine needs root, and there is no sudo here" \
    "as root, run:  $(readlink -f "${BASH_SOURCE[0]}") ${ARGUMENTS[*]}" \
    "or by hand:    apt-get install --no-install-recommends docker.io iptables && dockerd"
}

# --------------------------------------------------------------- packages

APT_UPDATED=
apt_update() {
  [ -z "$APT_UPDATED" ] || return 0
  APT_UPDATED=1
  # One unreachable third-party list must not keep the distribution's own
  # packages away; a list that really is missing shows in the install step.
  apt-get update -qq >/dev/null 2>&1 || warn "apt-get update failed in part; going on with the lists that are here"
}

apt_install() {
  local packages=("$@")
  command -v apt-get >/dev/null || die "no apt-get here: install the Docker Engine the way your distribution does" \
    "then run this script again, it starts dockerd"
  if [ "$YES" != 1 ]; then
    local answer=
    if [ -t 0 ]; then
      read -r -p "Install ${packages[*]} with apt-get? [y/N] " answer
    fi
    [[ $answer == [yYjJ]* ]] || die "nothing was installed" \
      "to agree in advance:  $0 start --yes" \
      "or by hand:           apt-get install --no-install-recommends ${packages[*]}"
  fi
  say "Installing ${packages[*]}"
  apt_update
  local log
  log=$(mktemp)
  if ! DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    -o DPkg::Lock::Timeout=120 "${packages[@]}" >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    rm -f "$log"
    die "apt-get install ${packages[*]} failed"
  fi
  rm -f "$log"
}

# Debian 13's engine is the one nearest to what most people run; unpacked
# instead of installed, so that the distribution's engine stays as it is.
fetch_26() {
  local dir=$CACHE_ROOT/engine-26.1
  # docker-init is a link into tini's package; without it `init: true` fails.
  if [ ! -x "$dir/root/usr/sbin/dockerd" ] || [ ! -x "$dir/root/usr/bin/docker-init" ]; then
    say "Downloading Debian 13's docker.io, containerd and tini into $dir"
    unpack_debian "$dir" trixie docker.io containerd tini
  fi
  local missing=()
  command -v iptables >/dev/null || missing+=(iptables)
  command -v runc >/dev/null || missing+=(runc)
  [ ${#missing[@]} -eq 0 ] || apt_install "${missing[@]}"
  local lost
  lost=$(ldd "$dir/root/usr/sbin/dockerd" "$dir/root/usr/bin/containerd" 2>/dev/null |
    awk '/not found/ { print $1 }' | sort -u | paste -sd ' ')
  [ -z "$lost" ] || die "this machine lacks libraries that engine 26.1 needs: $lost"
  ENGINE_PATH="$dir/root/usr/sbin:$dir/root/usr/bin:/usr/sbin:/sbin:$PATH"
}

installed_dockerd() { PATH="/usr/sbin:/sbin:$PATH" command -v dockerd; }

fetch_distribution() {
  local missing=()
  installed_dockerd >/dev/null || missing+=(docker.io)
  PATH="/usr/sbin:/sbin:$PATH" command -v iptables >/dev/null || missing+=(iptables)
  [ ${#missing[@]} -eq 0 ] || apt_install "${missing[@]}"
  local found
  found=$("$(installed_dockerd)" --version) || die "dockerd was installed but cannot run"
  if [ -n "$VERSION" ] && [[ $found != *" version $VERSION."* ]]; then
    die "this machine has \"$found\", not $VERSION" "without --version it is used as it is"
  fi
  ENGINE_PATH="/usr/sbin:/sbin:$PATH"
}

fetch() {
  if [ "$VERSION" != 26.1 ]; then
    fetch_distribution
    INSTANCE=distribution
  elif installed_dockerd >/dev/null && [[ $("$(installed_dockerd)" --version) == *" version 26.1."* ]]; then
    fetch_distribution
    INSTANCE=distribution
  else
    fetch_26
    INSTANCE=26.1
  fi
}

command_fetch() {
  is_linux || die "this script brings engines onto Linux only"
  become_root
  fetch
  say "$(PATH=$ENGINE_PATH dockerd --version) is on this machine"
}

# ------------------------------------------------------------------- start

remove_stale() {
  local run=$1 file
  # dockerd only looks whether the number is in use, by whatever process, and
  # then refuses to start; after a hard stop it often is.
  for file in "$run/docker.pid" "$run/docker/containerd/containerd.pid" "$run/exec/containerd/containerd.pid"; do
    [ -f "$file" ] || continue
    local name=dockerd
    [[ $file != *containerd.pid ]] || name=containerd
    if ! process_is "$(cat "$file")" "$name"; then
      say "Removing $file, left behind by a $name that is gone"
      rm -f "$file"
    fi
  done
  # dockerd would wait for the owner of this socket instead of starting its own containerd.
  if [ -S /run/containerd/containerd.sock ] && ! any_process containerd; then
    rm -f /run/containerd/containerd.sock
  fi
}

start_dockerd() {
  local state=$STATE_ROOT/$INSTANCE log=/var/log/devstack-engine-$INSTANCE.log
  mkdir -p "$state"
  local run=/var/run arguments=(--host "unix://$SOCKET")
  if [ "$INSTANCE" != distribution ]; then
    run=$state
    arguments+=(--data-root "/var/lib/devstack-engine-$INSTANCE" --exec-root "$state/exec" --pidfile "$state/docker.pid")
  fi
  remove_stale "$run"
  mkdir -p "$(dirname "$SOCKET")"
  # Detached, so that it outlives this terminal.
  PATH=$ENGINE_PATH setsid dockerd "${arguments[@]}" >>"$log" 2>&1 </dev/null &
  local pid=$!
  local deadline=$((SECONDS + READY_SECONDS))
  until describe "unix://$SOCKET" >/dev/null; do
    if ! kill -0 "$pid" 2>/dev/null; then
      printf -- '--- last lines of %s\n' "$log" >&2
      tail -n 15 "$log" >&2
      die "dockerd ended before it answered"
    fi
    if [ "$SECONDS" -ge "$deadline" ]; then
      tail -n 15 "$log" >&2
      kill "$pid" 2>/dev/null || true
      die "dockerd did not answer within $READY_SECONDS s, see $log"
    fi
    sleep 0.1
  done
  disown "$pid"
  printf '%s %s\n' "$pid" "$(start_time "$pid")" >"$state/process"
  printf '%s\n' "$SOCKET" >"$state/socket"
  say "$(describe "unix://$SOCKET") is running on $SOCKET, process $pid, log $log"
}

command_start() {
  local found
  if [ -z "$SOCKET" ] && [ -n "${DOCKER_HOST:-}" ]; then
    if found=$(describe "$DOCKER_HOST"); then
      say "$found already answers at DOCKER_HOST $DOCKER_HOST"
      return 0
    fi
    die "DOCKER_HOST is $DOCKER_HOST, and nothing answers there" "unset it to start an engine on this machine"
  fi
  local default=0
  if [ -z "$SOCKET" ] || [ "$SOCKET" = "$DEFAULT_SOCKET" ]; then
    default=1
    SOCKET=$DEFAULT_SOCKET
  fi
  if found=$(describe "unix://$SOCKET"); then
    if [ -n "$VERSION" ] && [[ $found != "engine $VERSION."* ]]; then
      die "$found already answers on $SOCKET, not $VERSION" "stop it first ($0 stop), or use --socket PATH"
    fi
    say "$found already answers on $SOCKET"
    return 0
  fi

  if ! is_linux; then
    die "no engine answers on $SOCKET, and this script starts one on Linux only" \
      "on macOS start Docker Desktop, OrbStack or Colima, for instance:" \
      "  brew install colima docker && colima start"
  fi
  if [ -S "$SOCKET" ] && [ ! -w "$SOCKET" ] && [ "$(id -u)" -ne 0 ] && any_process dockerd; then
    die "an engine runs, but $(id -un) may not use $SOCKET" \
      "run:  sudo usermod -aG docker $(id -un)   and log in again"
  fi
  become_root
  fetch

  local other
  if other=$(same_network_dockerd); then
    die "another dockerd (process $other) runs in this network namespace" \
      "two engines share docker0 and wipe each other's iptables rules; stop that one first," \
      "or give this one a network namespace of its own (it reaches no registry from there):" \
      "  ip netns add e2 && nsenter --net=/run/netns/e2 $0 start${VERSION:+ --version $VERSION} --socket /run/e2.sock"
  fi

  # Never two engines on one data folder.
  [ "$default" = 1 ] || INSTANCE+=-$(cksum <<<"$SOCKET" | cut -d' ' -f1)

  # Installing the package may have started it.
  if [ "$INSTANCE" = distribution ] && found=$(describe "unix://$SOCKET"); then
    say "$found is running on $SOCKET, started by its package"
    return 0
  fi
  if [ "$INSTANCE" = distribution ] && has_systemd; then
    systemctl start docker || die "systemctl start docker failed, see: journalctl -u docker"
    mkdir -p "$STATE_ROOT/$INSTANCE"
    printf 'systemd\n' >"$STATE_ROOT/$INSTANCE/process"
    printf '%s\n' "$SOCKET" >"$STATE_ROOT/$INSTANCE/socket"
    say "$(describe "unix://$SOCKET") is running on $SOCKET (systemctl)"
  else
    start_dockerd
  fi
  if [ -n "${SUDO_USER:-}" ] && ! id -nG "$SUDO_USER" | tr ' ' '\n' | grep -qx docker; then
    say "$SUDO_USER is not in the group docker yet:  sudo usermod -aG docker $SUDO_USER   and log in again"
  fi
}

# -------------------------------------------------------------- stop, status

# Only a process that still is the one recorded: numbers are used again.
recorded_pid() {
  local pid began
  read -r pid began <"$1/process" 2>/dev/null || return 1
  process_is "$pid" dockerd && [ "$(start_time "$pid")" = "$began" ] || return 1
  printf '%s\n' "$pid"
}

command_stop() {
  is_linux || die "this script starts engines on Linux only, so there is none to stop"
  local state name socket pid stopped=0 wanted=0
  for state in "$STATE_ROOT"/*/; do
    state=${state%/}
    [ -f "$state/process" ] || continue
    name=${state##*/}
    socket=$(cat "$state/socket")
    [ -z "$SOCKET" ] || [ "$SOCKET" = "$socket" ] || continue
    case "$VERSION" in
      26.1) [[ $name == 26.1* ]] || continue ;;
      20.10) [[ $name == distribution* ]] || continue ;;
    esac
    wanted=1
    become_root
    if [ "$(cat "$state/process")" = systemd ]; then
      # The socket unit would start the service again at the next request.
      systemctl stop docker.socket docker.service
      rm -rf "$state"
      say "Stopped docker (systemctl)"
      stopped=1
      continue
    fi
    if ! pid=$(recorded_pid "$state"); then
      say "The engine started on $socket is gone already"
      rm -f "$state/process" "$state/socket"
      continue
    fi
    kill -TERM "$pid"
    local deadline=$((SECONDS + STOP_SECONDS))
    while kill -0 "$pid" 2>/dev/null && process_is "$pid" dockerd; do
      [ "$SECONDS" -lt "$deadline" ] || die "dockerd (process $pid) still runs after $STOP_SECONDS s; it was not killed"
      sleep 0.1
    done
    rm -f "$state/process" "$state/socket"
    say "Stopped the engine on $socket (process $pid)"
    stopped=1
  done
  if [ "$stopped" = 0 ] && [ "$wanted" = 0 ]; then
    say "Nothing to stop: this script started no such engine"
  fi
}

command_status() {
  local found state pid
  if [ -n "${DOCKER_HOST:-}" ]; then
    found=$(describe "$DOCKER_HOST") || found="no engine"
    say "DOCKER_HOST $DOCKER_HOST: $found"
  fi
  found=$(describe "unix://$DEFAULT_SOCKET") || found="no engine"
  say "$DEFAULT_SOCKET: $found"
  for state in "$STATE_ROOT"/*/; do
    state=${state%/}
    [ -f "$state/process" ] || continue
    if [ "$(cat "$state/process")" = systemd ]; then
      say "started here: ${state##*/}, by systemctl"
    elif pid=$(recorded_pid "$state"); then
      say "started here: ${state##*/}, process $pid on $(cat "$state/socket")"
    else
      say "started here: ${state##*/}, but it is gone"
    fi
  done
}

# --------------------------------------------------------------------- main

ARGUMENTS=("$@")
COMMAND=start
VERSION=
SOCKET=
YES=0
[ "${CI:-}" != true ] || YES=1
INSTANCE=
ENGINE_PATH=

if [ $# -gt 0 ] && [[ $1 != -* ]]; then
  COMMAND=$1
  shift
fi
while [ $# -gt 0 ]; do
  case "$1" in
    --version | --socket)
      [ $# -ge 2 ] || die "$1 needs a value"
      if [ "$1" = --version ]; then VERSION=$2; else SOCKET=$2; fi
      shift
      ;;
    --version=*) VERSION=${1#*=} ;;
    --socket=*) SOCKET=${1#*=} ;;
    --yes | -y) YES=1 ;;
    --help | -h)
      usage
      exit 0
      ;;
    *) die "unknown argument: $1" "see $0 --help" ;;
  esac
  shift
done
case "$VERSION" in
  "" | 20.10 | 26.1) ;;
  *) die "unknown version: $VERSION" "known: 20.10, 26.1" ;;
esac
SOCKET=${SOCKET#unix://}
[ -z "$SOCKET" ] || [[ $SOCKET == /* ]] || SOCKET=$PWD/$SOCKET

case "$COMMAND" in
  start) command_start ;;
  fetch) command_fetch ;;
  stop) command_stop ;;
  status) command_status ;;
  help) usage ;;
  *) die "unknown command: $COMMAND" "see $0 --help" ;;
esac
