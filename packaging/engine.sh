# shellcheck shell=bash
# A Docker engine for building and trying the image; sourced, never run. An engine that runs is used, or one is
# started that has its files in a folder of its own and no network, and stop_engine ends it.

engine_dir='' engine_pid=''

# start_engine [own]: fails, and says why, if there is no engine and none can be started. With `own`, one that runs
# is left alone.
start_engine() {
  if [ "${1:-}" != own ] && docker version >/dev/null 2>&1; then return; fi
  local dockerd
  dockerd=$(PATH="$PATH:/usr/sbin:/sbin" command -v dockerd) || { echo 'no Docker engine runs, and dockerd is missing (Debian: package docker.io)' >&2; return 1; }
  [ "$(id -u)" = 0 ] || { echo 'no Docker engine runs, and only root can start one' >&2; return 1; }
  engine_dir=$(mktemp -d)
  cat >"$engine_dir/daemon.json" <<JSON
{
  "hosts": ["unix://$engine_dir/docker.sock"],
  "data-root": "$engine_dir/data",
  "exec-root": "$engine_dir/exec",
  "pidfile": "$engine_dir/docker.pid",
  "exec-opts": ["native.cgroupdriver=cgroupfs"],
  "bridge": "none",
  "iptables": false,
  "ip6tables": false,
  "ip-forward": false,
  "ip-masq": false,
  "userland-proxy": false,
  "shutdown-timeout": 5
}
JSON
  # A proxy that is not there: a pull fails at once instead of leaving the machine.
  HTTP_PROXY=http://127.0.0.1:9 HTTPS_PROXY=http://127.0.0.1:9 NO_PROXY='' \
    setsid "$dockerd" --config-file "$engine_dir/daemon.json" </dev/null >"$engine_dir/log" 2>&1 &
  engine_pid=$!
  export DOCKER_HOST=unix://$engine_dir/docker.sock DOCKER_CONFIG=$engine_dir/config
  # No plug-in is needed: the image has one layer of files, and nothing runs in its build.
  if ! docker buildx version >/dev/null 2>&1; then export DOCKER_BUILDKIT=0; fi
  local end=$((SECONDS + 60))
  until docker version >/dev/null 2>&1; do
    if [ "$SECONDS" -ge "$end" ] || ! kill -0 "$engine_pid" 2>/dev/null; then
      echo "the Docker engine does not start: $(tail -n 3 "$engine_dir/log")" >&2
      stop_engine
      return 1
    fi
    sleep 0.2
  done
}

stop_engine() {
  if [ -n "$engine_pid" ]; then
    # Containers that were left behind would outlive their engine.
    docker ps --quiet 2>/dev/null | xargs -r docker kill >/dev/null 2>&1 || true
    kill "$engine_pid" 2>/dev/null || true
    wait "$engine_pid" 2>/dev/null || true
  fi
  if [ -n "$engine_dir" ]; then
    # What a layer left mounted.
    awk -v dir="$engine_dir/" 'index($2, dir) == 1 { print $2 }' /proc/mounts | sort -r | xargs -r umount 2>/dev/null || true
    rm -rf "$engine_dir"
  fi
  engine_pid='' engine_dir=''
}
