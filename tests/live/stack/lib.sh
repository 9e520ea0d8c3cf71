# Shared by the live-stack commands; sourced, never run.
# One directory holds one stack: every path below is derived from it, so that several
# stacks, or the remains of a crashed one, never meet.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${FIELDMEDIC_LIVE_CACHE:-/var/cache/fieldmedic-live}
compose_plugin=$cache/compose/usr/libexec/docker/cli-plugins/docker-compose
# /usr/local may hold an unrelated program of the same name; Debian's is meant.
docker_bin=/usr/bin/docker

say() { printf '%s\n' "$*" >&2; }
die() { say "live stack: $*"; exit 1; }

# Usage: open_dir <dir>; sets the names that everything else uses.
open_dir() {
    [ "$(id -u)" = 0 ] || die "run it as root: it starts a Docker engine and mounts a disk"
    dir=$(realpath -m -- "$1")
    # An empty or root path would let the clean-up match far too much.
    [ "${#dir}" -ge 5 ] || die "'$1' is too near the root for a state directory"
    case "$dir" in *[!A-Za-z0-9._/-]*) die "'$dir': use letters, digits, . _ / and - only" ;; esac
    # A unix socket's path may have 107 characters, and containerd adds 40 of its own.
    [ "${#dir}" -le 60 ] || die "'$dir' is too long for unix sockets (60 characters at most)"
    id=$(printf '%s' "$dir" | sha256sum | cut -c1-6)
    user=medic-live-$id
    sudoers=/etc/sudoers.d/$user
    # What `host-setup` puts on the machine for this user.
    gate_files=("/etc/sudoers.d/fieldmedic-$user" "/usr/local/lib/fieldmedic/$user-looks"{,.json} "/usr/local/lib/fieldmedic/$user-changes"{,.json})
    cgroup=fieldmedic-live-$id
    disk=$dir/smalldisk
    data_root=$disk/docker
    project=$dir/qfieldcloud
    knobs=$project/live
    export DOCKER_HOST=unix://$dir/docker.sock DOCKER_CONFIG=$dir/docker-config
    # The caller's environment must not leak into Compose.
    unset COMPOSE_FILE COMPOSE_PROJECT_NAME COMPOSE_PROFILES DOCKER_CONTEXT DOCKER_BUILDKIT
}

# One command at a time alters a stack: `down` waits for an `up` whose caller was killed. A command
# that is called by another one is covered by its caller's lock.
hold() {
    [ "${FIELDMEDIC_LIVE_HELD:-}" != "$id" ] || return 0
    exec 9>"/run/lock/$user"
    flock -w 300 9 || die "another command has been busy with $dir for too long"
    export FIELDMEDIC_LIVE_HELD=$id
}

d() { "$docker_bin" "$@"; }
compose() { (cd "$project" && "$docker_bin" compose "$@"); }

# until_ok <seconds> <command...>: ask again and again, at least once.
until_ok() {
    local end=$((SECONDS + $1)); shift
    while ! "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.1
    done
}

alive() { [ -n "${1:-}" ] && [ -d "/proc/$1" ]; }

# is_ours <pid>: a process id may have been reused since it was written down.
is_ours() { alive "$1" && tr '\0' ' ' <"/proc/$1/cmdline" 2>/dev/null | grep -qF -- "$dir/"; }

dockerd_runs() { is_ours "$(cat "$dir/docker.pid" 2>/dev/null)"; }
sshd_runs() { is_ours "$(cat "$dir/ssh/sshd.pid" 2>/dev/null)"; }

# The ids of a service's containers, asked of the engine rather than of Compose. Job containers
# inherit their image's Compose labels; only what Compose started has a config hash.
containers_of() {
    d ps "${@:2}" -q --filter label=com.docker.compose.config-hash --filter "label=com.docker.compose.service=$1"
}
container_of() { containers_of "$1" -a | head -n 1; }

# sql <statement>: as the database's owner, tuples only.
sql() {
    d exec -i "$(container_of db)" psql -qAtX -v ON_ERROR_STOP=1 \
        -U qfieldcloud_db_admin -d qfieldcloud_db -c "$1"
}

disk_used() { df -P "$disk" | awk 'NR == 2 { sub("%", "", $5); print $5 }'; }
