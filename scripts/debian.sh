# shellcheck shell=bash
# Packages of a newer Debian, unpacked beside the system instead of installed.
# Sourced by engine.sh and compose.sh, not run. Whoever sources it has `die`.

# The machine's own Debian mirror, whatever it is: the first "main" archive
# that is not the security one.
debian_mirror() {
  local file
  for file in /etc/apt/sources.list.d/*.sources; do
    [ -f "$file" ] || continue
    awk '
      BEGIN { RS = ""; FS = "\n" }
      {
        uri = ""; main = 0; off = 0
        for (i = 1; i <= NF; i++) {
          split($i, word, /[ \t]+/)
          if (tolower(word[1]) == "uris:") uri = word[2]
          if (tolower(word[1]) == "components:" && $i ~ /[ \t]main/) main = 1
          if (tolower(word[1]) == "enabled:" && tolower(word[2]) == "no") off = 1
        }
        if (uri ~ /\/debian\/?$/ && main && !off) print uri
      }' "$file"
  done
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ -f "$file" ] || continue
    sed -n -E 's/^deb[ \t]+(\[[^]]*\][ \t]+)?([^ \t]+\/debian\/?)[ \t]+[^ \t]+[ \t].*\bmain\b.*/\2/p' "$file"
  done
}

# unpack_debian DIR SUITE PACKAGE...
# Unpacks the packages (NAME or NAME=VERSION) of a suite into DIR/root.
unpack_debian() {
  local dir=$1 suite=$2 mirror keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  shift 2
  mirror=$(debian_mirror | sed -n 1p)
  if [ -z "$mirror" ] || [ ! -f "$keyring" ]; then
    die "$* of Debian's $suite: this machine's apt sources name no Debian mirror"
  fi
  rm -rf "$dir/apt" "$dir/deb" "$dir/root.new"
  mkdir -p "$dir/apt/lists/partial" "$dir/apt/cache/archives/partial" "$dir/deb" "$dir/root.new"
  printf 'deb [signed-by=%s] %s %s main\n' "$keyring" "$mirror" "$suite" >"$dir/apt/sources.list"
  local options=(
    -o "Dir::Etc::SourceList=$dir/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o "Dir::State::Lists=$dir/apt/lists" -o "Dir::Cache=$dir/apt/cache"
    -o APT::Sandbox::User=root -o Acquire::Languages=none
  )
  apt-get "${options[@]}" -o APT::Update::Error-Mode=any update -qq >/dev/null || die "cannot read $mirror ($suite)"
  (cd "$dir/deb" && apt-get "${options[@]}" download -qq "$@" >/dev/null) || die "cannot download $* from $mirror ($suite)"
  local deb
  for deb in "$dir"/deb/*.deb; do dpkg -x "$deb" "$dir/root.new"; done
  rm -rf "$dir/root" "$dir/apt" "$dir/deb"
  # Last of all, so that a download cut short is never taken for a program.
  mv "$dir/root.new" "$dir/root"
}
