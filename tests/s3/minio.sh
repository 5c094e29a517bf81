#!/usr/bin/env bash
# minio.sh binary            the path of a MinIO server, which is built once (3 minutes, needs Go) and kept outside the clone
# minio.sh start DIRECTORY PORT   runs it there on loopback in the foreground
# Called by `make test-s3`, by the tests in main.rs and by measure.sh. The version is pinned, so that what was seen is seen again.
set -euo pipefail

version=v0.0.0-20260212201848-7aac2a2c5b7c
cache=${XDG_CACHE_HOME:-$HOME/.cache}/pelton-servers
binary=$cache/minio-$version

build() {
  [ -x "$binary" ] && return
  command -v go >/dev/null || { echo "minio.sh: Go is needed to build MinIO; install it, or put a server at $binary" >&2; exit 1; }
  mkdir -p "$cache"
  local bin
  bin=$(mktemp -d "$cache/build.XXXXXX")
  GOBIN=$bin go install "github.com/minio/minio@$version" >&2
  mv "$bin/minio" "$binary"
  rmdir "$bin"
}

case ${1:-} in
  binary)
    build
    echo "$binary" ;;
  start)
    build
    export MINIO_ROOT_USER=pelton-tests MINIO_ROOT_PASSWORD=pelton-tests MINIO_BROWSER=off MINIO_UPDATE=off
    exec "$binary" server "$2" --address "127.0.0.1:$3" --console-address "127.0.0.1:0" --quiet ;;
  *)
    echo "minio.sh binary, or minio.sh start DIRECTORY PORT" >&2
    exit 2 ;;
esac
