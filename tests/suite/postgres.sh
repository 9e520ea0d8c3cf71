# A PostgreSQL server of the tests' own, on a socket in a new directory and with no port. It lives until
# this script's input ends, however that comes about, and then leaves nothing behind.
#
#   sh postgres.sh <directory of initdb and postgres>
#
# It says the directory of its socket when it is ready. On the word `crash` the server dies at once, and
# on `start` it is started again; each is answered by `done`.
set -eu
trap '' INT TERM HUP
cd /
bin=$1
# The path of a socket must be short.
dir=$(mktemp -d /tmp/fieldmedic-pg.XXXXXX)
log=$dir/log

fail() {
  echo "the PostgreSQL server of the tests does not start:" >&2
  tail -n 20 "$log" >&2
  rm -rf "$dir"
  exit 1
}

start() {
  # No disk is waited for: what counts here is what outlives the process, not the machine.
  "$bin/postgres" -D "$dir/data" -k "$dir" -c listen_addresses= -c fsync=off -c full_page_writes=off \
    -c max_connections=300 >>"$log" 2>&1 &
  server=$!
  tries=0
  # The last line of the file says how the server is.
  until tail -n 1 "$dir/data/postmaster.pid" 2>/dev/null | grep -q '^ready'; do
    tries=$((tries + 1))
    [ $tries -lt 600 ] && kill -0 $server 2>/dev/null || fail
    sleep 0.05
  done
}

stop() {
  kill "-$1" $server 2>/dev/null || true
  wait $server 2>/dev/null || true
}

"$bin/initdb" -D "$dir/data" -U fieldmedic -A trust -N -E UTF8 --locale=C >"$log" 2>&1 || fail
start
echo "$dir"
while read -r word; do
  case $word in
    crash) stop QUIT ;;
    start) start ;;
  esac
  echo done
done
stop INT
rm -rf "$dir"
