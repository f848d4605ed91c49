#!/bin/sh
# tools/setup.sh [--bench] - install what building and testing need; does nothing the second time.
#
# Debian 12 has libraft 0.15, which must not be linked: its backports suite has the one we need. The
# suite is added by copying the source the machine already uses, whatever mirror that is.
set -eu
cd "$(dirname "$0")/.."

wanted() {
    if [ "${1:-}" = --bench ]; then
        sed -n 's/^bench *| *//p' tools/packages
    else
        sed -n '/^#/d; /^bench/d; s/^[a-z]* *| *//p' tools/packages
    fi
}

# A stamp under build/ that changes when the lists, the clients or the release do.
stamp() {
    cat tools/packages tools/setup.sh test/clients/package-lock.json examples/package-lock.json \
        /etc/debian_version 2>/dev/null | cksum | tr ' ' -
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

installed() {
    [ "$(dpkg-query -W -f '${Status}' "$1" 2>/dev/null)" = "install ok installed" ]
}

raft_is_new() {
    version=$(dpkg-query -W -f '${Version}' libraft-dev 2>/dev/null) &&
        dpkg --compare-versions "$version" ge 0.22.1
}

enable_backports() {
    . /etc/os-release
    [ "${VERSION_CODENAME:-}" = bookworm ] || return 0
    list=/etc/apt/sources.list.d/bookworm-backports.sources
    [ -f "$list" ] && return 0
    apt-cache policy 2>/dev/null | grep -q bookworm-backports && return 0
    echo "setup: enabling Debian's backports suite for libraft 0.22 ($list)"
    python3 tools/backports.py | as_root tee "$list" >/dev/null
}

missing_packages() {
    for name in $(wanted "$@"); do
        installed "$name" || printf '%s ' "$name"
    done
}

install_packages() {
    missing=$(missing_packages "$@")
    raft_is_new || missing="$missing libraft-dev"
    [ -n "$missing" ] || return 0
    command -v apt-get >/dev/null || {
        echo "setup: this script knows Debian only; please install: $missing" >&2
        exit 1
    }
    echo "setup: installing Debian packages to build and test Largetable: $missing"
    [ "$(id -u)" = 0 ] || echo "setup: sudo may ask for your password now"
    enable_backports
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
        apt-get install -y -qq --no-install-recommends $missing >/dev/null
    if ! raft_is_new; then
        as_root env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq -t bookworm-backports libraft-dev >/dev/null
    fi
    raft_is_new || {
        echo "setup: libraft-dev 0.22.1 or newer could not be installed" >&2
        exit 1
    }
}

install_clients() {
    for folder in test/clients examples; do
        [ -f "$folder/package-lock.json" ] || continue
        command -v npm >/dev/null || as_root apt-get install -y -qq npm >/dev/null
        echo "setup: installing npm packages for $folder"
        (cd "$folder" && npm ci --silent --no-audit --no-fund)
    done
}

mkdir -p build
mark="build/.setup${1:-}-$(stamp)"
[ -f "$mark" ] && exit 0
install_packages "$@"
[ "${1:-}" = --bench ] || install_clients
rm -f "build/.setup${1:-}"-*
touch "$mark"
