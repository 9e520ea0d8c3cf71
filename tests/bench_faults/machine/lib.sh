# Shared by the bench's commands; sourced, never run.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${FIELDMEDIC_BENCH_CACHE:-/var/cache/fieldmedic-bench}
root=$cache/root
compose_plugin=${FIELDMEDIC_LIVE_CACHE:-/var/cache/fieldmedic-live}/compose/usr/libexec/docker/cli-plugins/docker-compose

say() { printf '%s\n' "$*" >&2; }
die() { say "bench: $*"; exit 1; }

# until_ok <seconds> <command...>: ask again and again, at least once.
until_ok() {
    local end=$((SECONDS + $1)); shift
    while ! "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.1
    done
}

lock_of() { printf '/run/lock/%s' "$(printf '%s' "$1" | tr / _)"; }

# hold <dir>: one command at a time alters a machine. So `down` waits for a `boot` whose caller was killed.
hold() {
    exec 9>"$(lock_of "$1")"
    flock -w 120 9 || die "another command has been busy with $1 for too long"
}
