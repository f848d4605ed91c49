#!/bin/sh
# tools/bench.sh [--peer redis|postgres] [--rounds N] [--workload W,W...] [--json FILE]
#                [--fsync always|everysec] [any option of `largetable bench`]
#
# Alone: one round of our suite. With a peer: rounds that alternate between Largetable and the peer,
# each with the same client, workload and documents, then medians and their ratio. Peers run in
# directories and on ports of their own, and end with this script. Numbers go to FILE as JSON.
set -eu
cd "$(dirname "$0")/.."

exe=build/release/largetable
peer=
rounds=
workloads=
json=
fsync=always
while [ $# -gt 0 ]; do
    case $1 in
    --*=*) option=${1%%=*} && value=${1#*=} && shift && set -- "$option" "$value" "$@" ;;
    --peer) peer=$2 && shift 2 ;;
    --rounds) rounds=$2 && shift 2 ;;
    --workload) workloads=$2 && shift 2 ;;
    --json) json=$2 && shift 2 ;;
    --fsync) fsync=$2 && shift 2 ;;
    --help) sed -n '2,7s/^# *//p' "$0" && exec $exe bench --help ;;
    *) break ;;
    esac
done

case $peer in
'') all=read,read-secondary,insert,insertMany,update,scan,ycsb-a,ycsb-b,ycsb-c,ycsb-d,ycsb-e,ycsb-f ;;
redis) all=read,insert,insertMany ;;
postgres) all=read,read-secondary,insert,insertMany,update,scan ;;
*) echo "bench: there is no peer '$peer': redis or postgres" >&2 && exit 2 ;;
esac
workloads=${workloads:-$all}
rounds=${rounds:-$([ -n "$peer" ] && echo 5 || echo 1)}

TMPDIR=$(mktemp -d "${TMPDIR:-/tmp}/largetable-bench-XXXXXX")
export TMPDIR
chmod 755 "$TMPDIR"
pid=

end() {
    status=$?
    trap - EXIT
    if [ -n "$pid" ]; then
        kill -INT "$pid" 2>/dev/null || :
        wait "$pid" 2>/dev/null || :
    fi
    rm -rf "$TMPDIR"
    exit $status
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# until COMMAND...: wait for it to succeed, at most 30 seconds, while the peer lives
await() {
    tries=0
    until "$@" >/dev/null 2>&1; do
        tries=$((tries + 1))
        if [ $tries -gt 300 ] || ! kill -0 "$pid" 2>/dev/null; then
            echo "bench: $peer did not start:" >&2
            tail -20 "$TMPDIR/peer.log" >&2
            exit 1
        fi
        sleep 0.1
    done
}

start_redis() {
    mkdir "$TMPDIR/peer"
    redis-server --bind 127.0.0.1 --port "$port" --dir "$TMPDIR/peer" --save '' \
        --appendonly yes --appendfsync "$fsync" --maxclients 15000 >"$TMPDIR/peer.log" 2>&1 &
    pid=$!
    await redis-cli -p "$port" ping
    about="$(redis-server --version | cut -d' ' -f1-3), appendonly, appendfsync $fsync"
}

# PostgreSQL refuses to run as root.
as_postgres() {
    if [ "$(id -u)" = 0 ]; then
        exec setpriv --reuid=postgres --regid=postgres --clear-groups "$@"
    else
        exec "$@"
    fi
}

start_postgres() {
    bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
    bin=${bin:-$(dirname "$(command -v postgres)")}
    mkdir "$TMPDIR/peer"
    [ "$(id -u)" = 0 ] && chown postgres "$TMPDIR/peer"
    PGUSER=postgres
    export PGUSER
    (cd "$TMPDIR/peer" && as_postgres "$bin/initdb" -D "$TMPDIR/peer/db" -U postgres -A trust \
        -E UTF8 --locale=C.UTF-8) >"$TMPDIR/peer.log" 2>&1
    (cd "$TMPDIR/peer" && as_postgres "$bin/postgres" -D "$TMPDIR/peer/db" -p "$port" \
        -c listen_addresses=127.0.0.1 -c unix_socket_directories="$TMPDIR/peer" \
        -c max_connections=500 -c shared_buffers=256MB -c fsync=on -c synchronous_commit=on \
        -c max_wal_size=4GB) >>"$TMPDIR/peer.log" 2>&1 &
    pid=$!
    await "$bin/psql" -h 127.0.0.1 -p "$port" -d postgres -c 'select 1'
    about="$("$bin/postgres" --version), synchronous_commit on, shared_buffers 256 MB"
}

run_peer() {
    [ "$peer" = redis ] && redis-cli -p "$port" flushall >/dev/null
    "$exe" bench --peer "$peer" --port "$port" "$@"
}

# one WHO ROUND WORKLOAD COMMAND...: run it and keep its line of JSON
one() {
    who=$1 round=$2 workload=$3
    shift 3
    "$@" >"$TMPDIR/one.json"
    python3 tools/bench.py line "$who" "$round" "$TMPDIR/one.json"
    cat "$TMPDIR/one.json" >>"$TMPDIR/all.json"
}

about=
if [ -n "$peer" ]; then
    port=$(free_port)
    "start_$peer"
    echo "peer: $about"
fi
echo "data: $(df -T "$TMPDIR" | awk 'NR == 2 {print $2 " on " $1}'), processors: $(nproc)"
for workload in $(echo "$workloads" | tr , ' '); do
    round=1
    to="--workload $workload --json -"
    while [ "$round" -le "$rounds" ]; do
        if [ -z "$peer" ]; then
            "$exe" bench --spawn --workload "$workload" --idle 1000 --json "$TMPDIR/one.json" "$@"
            cat "$TMPDIR/one.json" >>"$TMPDIR/all.json"
        else
            one largetable "$round" "$workload" "$exe" bench --spawn $to "$@"
            one "$peer" "$round" "$workload" run_peer $to "$@"
        fi
        round=$((round + 1))
    done
done
python3 tools/bench.py summary "$TMPDIR/all.json" "$about" ${json:+"$json"}
