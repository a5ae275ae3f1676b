#!/usr/bin/env bash
# The images that the presets name: pulled where a registry can be reached,
# built from Debian and npm packages where not.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
readonly here root
readonly COMPOSE_FILE=$root/tests/images/compose.yaml
readonly CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/devstack/images
readonly BASE=devstack/base:trixie
# Built from Debian 13, because the presets' versions are the ones it has.
readonly SUITE=trixie
# A registry that takes longer than this to say that an image exists would make
# pulling slower than building.
readonly REGISTRY_SECONDS=5

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
Usage: scripts/images.sh [--yes] [--force] [--local] [IMAGE...]
       scripts/images.sh --check [IMAGE...]

Makes sure that the images of the presets are on the engine. What is missing is
pulled; without a registry it is built here. Images built here carry the label
dev.devstack.image.origin=local-build.

IMAGE    An image or a service of tests/images/compose.yaml (default: all).
--local  Build, do not even try to pull.
--force  Do it for images that are present, too (and, without IMAGE, for the base).
--yes    Install debootstrap without asking (CI=true does the same).
--check  Change nothing: say in one line what is there, exit 1 if anything is missing.
TEXT
}

# -------------------------------------------------------------- the engine

engine() {
  local path=$1
  shift
  local host=${DOCKER_HOST:-unix:///var/run/docker.sock}
  case "$host" in
    unix://*) curl --silent --show-error --noproxy '*' --unix-socket "${host#unix://}" "$@" "http://localhost$path" ;;
    tcp://* | http://*) curl --silent --show-error --noproxy '*' "$@" "http://${host#*://}$path" ;;
    *) die "DOCKER_HOST $host: only unix:// and tcp:// are understood here" ;;
  esac
}

is_present() { engine "/images/$1/json" --fail --output /dev/null 2>/dev/null; }

# Nobody may take what was built here for the official image.
origin() {
  engine "/images/$1/json" | sed 's/[,{]/\n/g' | sed -n -E \
    -e 's/^"dev\.devstack\.image\.origin":"local-build".*/ (built locally)/p' \
    -e 's/^"dev\.devstack\.image\.stand-in":"([^"]*)".*/ (stand-in: \1)/p' | sort -u | tr -d '\n'
}

# Asked once for all: where one image cannot be looked up, none can.
REGISTRY=
registry_answers() {
  if [ -z "$REGISTRY" ]; then
    REGISTRY=no
    ! engine "/distribution/$1/json" --fail --max-time "$REGISTRY_SECONDS" --output /dev/null 2>/dev/null || REGISTRY=yes
    [ "$REGISTRY" = yes ] || say "No image registry can be reached through the engine: building locally"
  fi
  [ "$REGISTRY" = yes ]
}

pull() {
  local image=$1 answer
  say "$image: pulling"
  # The engine answers 200 before the download begins; an error comes in the stream.
  answer=$(engine "/images/create?fromImage=${image%:*}&tag=${image##*:}" --request POST) || return 1
  if grep -q '"error"' <<<"$answer"; then
    warn "$image: $(sed -n -E 's/.*"error":"([^"]*)".*/\1/p' <<<"$answer" | head -n 1)"
    return 1
  fi
}

# --------------------------------------------------------------- the base

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

need_debootstrap() {
  ! PATH="/usr/sbin:$PATH" command -v debootstrap >/dev/null || return 0
  command -v apt-get >/dev/null || die "building the base image needs debootstrap, and there is no apt-get here" \
    "with a registry in reach the images are pulled instead"
  if [ "$YES" != 1 ]; then
    local answer=
    if [ -t 0 ]; then read -r -p "Install debootstrap with apt-get? [y/N] " answer; fi
    [[ $answer == [yYjJ]* ]] || die "nothing was installed" "to agree in advance: $0 --yes"
  fi
  # A third-party list that cannot be read must not keep Debian's away.
  as_root apt-get update -qq >/dev/null 2>&1 || warn "apt-get update failed in part; going on"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends debootstrap >/dev/null
}

debian_mirror() {
  # Not every machine has all of these files.
  { cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null || true; } |
    sed -n -E -e 's/^deb[ \t]+(\[[^]]*\][ \t]+)?([^ \t]+\/debian\/?)[ \t].*/\2/p' \
      -e 's/^URIs:[ \t]*([^ \t]+\/debian\/?)([ \t].*)?$/\1/p' | sed -n 1p
}

# What later layers and the finished images have no use for.
slim() {
  local tree=$1
  cat >"$tree/etc/dpkg/dpkg.cfg.d/slim" <<'TEXT'
path-exclude=/usr/share/doc/*
path-include=/usr/share/doc/*/copyright
path-exclude=/usr/share/man/*
path-exclude=/usr/share/info/*
path-exclude=/usr/share/locale/*
path-exclude=/usr/share/lintian/*
TEXT
  cat >"$tree/etc/apt/apt.conf.d/90slim" <<'TEXT'
APT::Install-Recommends "false";
Acquire::Languages "none";
TEXT
  # A build has no init system to start the services that packages bring.
  printf '#!/bin/sh\nexit 101\n' >"$tree/usr/sbin/policy-rc.d"
  chmod 755 "$tree/usr/sbin/policy-rc.d"
  find "$tree/usr/share/doc" -type f ! -name copyright -delete
  find "$tree/usr/share/doc" -type l -delete
  rm -rf "$tree"/usr/share/{man,info,locale,lintian}/* "$tree"/var/lib/apt/lists/* \
    "$tree"/var/cache/apt/*.bin "$tree"/var/cache/apt/archives/*.deb "$tree"/var/cache/debconf/*-old \
    "$tree"/var/log/*.log "$tree"/var/log/apt/* "${tree:?}"/dev/*
}

# Where a proxy opens TLS connections, only the machine's own bundle knows its
# certificate. Kept as single files, so that a later update-ca-certificates
# does not lose them.
trust_what_the_machine_trusts() {
  local tree=$1 bundle=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}
  [ -f "$bundle" ] || return 0
  mkdir -p "$tree/usr/local/share/ca-certificates"
  awk -v folder="$tree/usr/local/share/ca-certificates" '
    /BEGIN CERTIFICATE/ { pem = "" }
    { pem = pem $0 "\n" }
    /END CERTIFICATE/ {
      if (NR == FNR) { known[pem] = 1 }
      else if (!(pem in known)) {
        known[pem] = 1
        file = sprintf("%s/machine-%03d.crt", folder, ++count)
        printf "%s", pem > file
        close(file)
      }
    }' "$tree/etc/ssl/certs/ca-certificates.crt" "$bundle"
  chroot "$tree" update-ca-certificates >/dev/null 2>&1
}

# Runs as root: debootstrap makes device nodes and changes owners.
make_base_tarball() {
  local tarball=$1 mirror=$2 work
  work=$(mktemp -d)
  # shellcheck disable=SC2064 # the folder of now, not of later
  trap "rm -rf '$work'" EXIT
  local log=$work/log tree=$work/tree
  if ! PATH="/usr/sbin:/sbin:$PATH" debootstrap --variant=minbase --include=ca-certificates \
    "$SUITE" "$tree" "$mirror" >"$log" 2>&1; then
    tail -n 15 "$log" >&2
    die "debootstrap failed"
  fi
  trust_what_the_machine_trusts "$tree"
  slim "$tree"
  tar --create --gzip --numeric-owner --directory "$tree" --file "$tarball.new" .
  # Last of all, so that half a file is never taken for a base.
  mv "$tarball.new" "$tarball"
}

ensure_base() {
  local anew=$1
  if [ "$anew" != 1 ] && is_present "$BASE"; then
    say "$BASE: present$(origin "$BASE")"
    return 0
  fi
  local tarball=$CACHE/base-$SUITE.tar.gz
  mkdir -p "$CACHE"
  if [ "$anew" = 1 ] || [ ! -f "$tarball" ]; then
    need_debootstrap
    local mirror
    mirror=$(debian_mirror)
    [ -n "$mirror" ] || die "the apt sources of this machine name no Debian mirror to build from"
    say "$BASE: building with debootstrap"
    as_root env ${SSL_CERT_FILE:+"SSL_CERT_FILE=$SSL_CERT_FILE"} "${BASH_SOURCE[0]}" --make-base "$tarball" "$mirror"
  fi
  say "$BASE: importing $tarball"
  local answer
  answer=$(engine "/images/create?fromSrc=-&repo=${BASE%:*}&tag=${BASE##*:}$(change 'CMD ["bash"]')$(change \
    'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin')$(change \
    'LABEL dev.devstack.image.origin=local-build dev.devstack.image.upstream="Debian 13"')" \
    --request POST --header 'Content-Type: application/x-tar' --header 'Expect:' --upload-file "$tarball")
  if grep -q '"error"' <<<"$answer" || ! is_present "$BASE"; then die "the engine could not import the base: $answer"; fi
}

change() {
  local text=$1 escaped='' i c
  for ((i = 0; i < ${#text}; i++)); do
    c=${text:i:1}
    case "$c" in
      [a-zA-Z0-9._/-]) escaped+=$c ;;
      *) escaped+=$(printf '%%%02X' "'$c") ;;
    esac
  done
  printf '&changes=%s' "$escaped"
}

# -------------------------------------------------------------- the images

devstack_bin() {
  local candidate
  for candidate in "${DEVSTACK_BIN:-devstack}" "$root/target/release/devstack" "$root/target/debug/devstack"; do
    if command -v "$candidate" >/dev/null; then
      printf '%s\n' "$candidate"
      return 0
    fi
  done
  die "no devstack binary to build the images with" "build it with:  cargo build --release" "or name one in DEVSTACK_BIN"
}

build() {
  local bin
  bin=$(devstack_bin)
  "$bin" -f "$COMPOSE_FILE" --project-name devstack-images build "$@"
}

# "service image" a line.
known_images() {
  awk '/^  [a-z0-9-]+:$/ { service = $1; sub(":", "", service) } /^    image:/ { print service, $2 }' "$COMPOSE_FILE"
}

check() {
  local image all=0 local_builds=0 missing=() stand_ins=()
  for image in "$@"; do
    if ! is_present "$image"; then
      missing+=("$image")
      continue
    fi
    all=$((all + 1))
    case "$(origin "$image")" in
      *stand-in*) local_builds=$((local_builds + 1)) stand_ins+=("$image") ;;
      ?*) local_builds=$((local_builds + 1)) ;;
    esac
  done
  if [ ${#missing[@]} -gt 0 ]; then
    say "missing: ${missing[*]}"
    return 1
  fi
  local line="$all present"
  [ "$local_builds" -eq 0 ] || line+=", $local_builds of them built on this machine in place of the official ones"
  [ ${#stand_ins[@]} -eq 0 ] || line+=" (${stand_ins[*]} is a stand-in)"
  say "$line"
}

main() {
  YES=0 FORCE=0 LOCAL=0 CHECK=0
  [ "${CI:-}" != true ] || YES=1
  local wanted=()
  while [ $# -gt 0 ]; do
    case "$1" in
      --yes | -y) YES=1 ;;
      --force) FORCE=1 ;;
      --local) LOCAL=1 ;;
      --check) CHECK=1 ;;
      --help | -h)
        usage
        return 0
        ;;
      --make-base)
        make_base_tarball "$2" "$3"
        return 0
        ;;
      -*) die "unknown argument: $1" "see $0 --help" ;;
      *) wanted+=("$1") ;;
    esac
    shift
  done
  command -v curl >/dev/null || die "curl is needed to talk to the engine"
  engine /_ping --fail --max-time 5 --output /dev/null 2>/dev/null ||
    die "no Docker Engine answers" "start one with:  scripts/engine.sh"

  local name found service image missing=() chosen=()
  # The expansion is long, because an empty array counts as unset in macOS's bash.
  for name in ${wanted[@]+"${wanted[@]}"}; do
    [ "$name" = "$BASE" ] || known_images | tr ' ' '\n' | grep -qxF "$name" ||
      die "unknown image: $name" "known: $(known_images | cut -d' ' -f2 | paste -sd ' ')"
    [ "$name" != "$BASE" ] || [ "$CHECK" = 1 ] || ensure_base "$FORCE"
  done
  while read -r service image <&3; do
    if [ ${#wanted[@]} -gt 0 ]; then
      found=0
      for name in "${wanted[@]}"; do
        if [ "$name" = "$service" ] || [ "$name" = "$image" ]; then found=1; fi
      done
      [ "$found" = 1 ] || continue
    fi
    chosen+=("$image")
    if [ "$CHECK" = 1 ]; then continue; fi
    if [ "$FORCE" != 1 ] && is_present "$image"; then
      say "$image: present$(origin "$image")"
    elif [ "$LOCAL" != 1 ] && registry_answers "$image" && pull "$image"; then
      say "$image: pulled"
    else
      missing+=("$service")
      say "$image: building locally"
    fi
  done 3< <(known_images)
  if [ "$CHECK" = 1 ]; then
    check ${chosen[@]+"${chosen[@]}"}
    return
  fi
  [ ${#missing[@]} -gt 0 ] || return 0
  # A new base makes all images anew, which is more than a named one asks for.
  if [ ${#wanted[@]} -gt 0 ]; then ensure_base 0; else ensure_base "$FORCE"; fi
  build "${missing[@]}"
}

main "$@"
