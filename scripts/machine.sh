# shellcheck shell=bash
# What setup-dev.sh, test.sh and .ci/run need of the machine they run on.
# Sourced by them, not run.

# shellcheck disable=SC2034 # used by the scripts that source this
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Where rustup puts cargo, which a shell that was open before does not know.
PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin

say() { printf '%s\n' "$*"; }
ok() { printf 'ok: %s\n' "$*"; }
warn() { printf 'warning: %s\n' "$*" >&2; }
die() {
  printf 'error: %s\n' "$1" >&2
  shift
  local line
  for line in "$@"; do printf '       %s\n' "$line" >&2; done
  exit 1
}

# A context chosen with docker's own client holds for these scripts as it does
# for devstack.
use_docker_context() {
  [ -z "${DOCKER_HOST:-}" ] && command -v docker >/dev/null || return 0
  local host
  host=$(docker context inspect --format '{{.Endpoints.docker.Host}}' 2>/dev/null) || return 0
  case "$host" in
    "" | unix:///var/run/docker.sock) ;;
    *) export DOCKER_HOST=$host ;;
  esac
}

# need_packages YES PROGRAM=PACKAGES...
# Installs what brings the programs that are missing.
need_packages() {
  local yes=$1 pair missing=() answer='' sudo=()
  shift
  for pair in "$@"; do
    # shellcheck disable=SC2206 # several packages in one word
    command -v "${pair%%=*}" >/dev/null || missing+=(${pair#*=})
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(uname -s)" = Darwin ]; then
    die "these are missing: ${missing[*]}" "Apple's command line tools bring them:  xcode-select --install"
  fi
  command -v apt-get >/dev/null ||
    die "these are missing, and there is no apt-get here: ${missing[*]}" "install them as your distribution does, then run this again"
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "these are missing: ${missing[*]}" \
      "as root, run:  apt-get update && apt-get install --no-install-recommends ${missing[*]}"
    sudo=(sudo)
  fi
  if [ "$yes" != 1 ]; then
    if [ -t 0 ]; then read -r -p "Install ${missing[*]} with apt-get? [y/N] " answer; fi
    [[ $answer == [yY]* ]] || die "nothing was installed" "to agree in advance:  $0 --yes" \
      "or by hand:           apt-get update && apt-get install --no-install-recommends ${missing[*]}"
  fi
  say "Installing ${missing[*]}"
  # A third-party list that cannot be read must not keep the distribution's away.
  ${sudo[@]+"${sudo[@]}"} apt-get update -qq >/dev/null 2>&1 || warn "apt-get update failed in part; going on"
  ${sudo[@]+"${sudo[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    -o DPkg::Lock::Timeout=120 "${missing[@]}" >/dev/null || die "apt-get install ${missing[*]} failed"
}

# The oldest Rust that Cargo.toml promises to build with.
need_rust() {
  local wanted found
  wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$root/Cargo.toml")
  command -v cargo >/dev/null || die "there is no cargo here; Rust $wanted or newer builds devstack" \
    "install it with rustup, then run this again:" \
    "  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile default"
  found=$(cd "$root" && cargo --version | cut -d' ' -f2)
  if [ "$(printf '%s\n' "$wanted" "$found" | sort -V | head -n 1)" != "$wanted" ]; then
    die "cargo is $found ($(command -v cargo)); devstack needs Rust $wanted or newer" \
      "with rustup:  rustup update stable && rustup default stable" \
      "without it (remove the distribution's cargo and rustc first, they come before it in PATH):" \
      "  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile default"
  fi
}

# Where cargo puts what it builds, whatever the environment and its settings say.
target_folder() {
  cargo metadata --manifest-path "$root/Cargo.toml" --no-deps --format-version 1 --locked |
    sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p'
}
