#!/usr/bin/env bash
# Fuzzes what reads a person's files.
set -euo pipefail
# shellcheck source=scripts/machine.sh
source "$(dirname "${BASH_SOURCE[0]}")/machine.sh"

usage() {
  cat <<'TEXT'
Usage: scripts/fuzz.sh loader|dotenv [SECONDS]

Feeds a fuzzer's texts to the loader of stack files, or to the reader of .env
files, for 600 seconds unless told otherwise. Ends with an error at the first
crash, at 5 seconds for one text, or at 1 GiB of memory: the text is then in
tests/fuzz/artifacts. Put it into tests/fuzz/corpus, where the ordinary tests
read it.
TEXT
}

case "${1:-}" in
  loader | dotenv) target=$1 ;;
  --help | -h)
    usage
    exit 0
    ;;
  *)
    usage >&2
    exit 2
    ;;
esac
seconds=${2:-600}

need_packages 0 c++=g++
need_rust
cd "$root/tests/fuzz"
host=$(rustc -vV | sed -n 's/^host: //p')
# What cargo-fuzz passes without a sanitizer: memory is safe here, coverage is
# what counts, and so no nightly compiler is needed.
flags=(-Cpasses=sancov-module --cfg fuzzing)
for flag in level=4 inline-8bit-counters pc-table trace-compares; do
  flags+=("-Cllvm-args=-sanitizer-coverage-$flag")
done
RUSTFLAGS="${flags[*]}" CARGO_TARGET_DIR="$(target_folder)/fuzz" \
  cargo build --locked --release --target "$host" --bin "$target"

mkdir -p artifacts "grown/$target"
exec "$(target_folder)/fuzz/$host/release/$target" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=1024 \
  -max_len=8192 -artifact_prefix=artifacts/ "grown/$target" "corpus/$target"
