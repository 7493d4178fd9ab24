#!/bin/sh
# A private Docker daemon for tests, that touches nothing of the machine's own: state, socket and cgroup mounts are its own.
#   docker.sh install               Debian's docker.io and busybox-static (root, apt)
#   docker.sh start SOCKET          starts a daemon on SOCKET, its state in SOCKET's folder; makes the image mesoscope/busybox
#   docker.sh stop SOCKET           kills its containers, stops it, takes away what it left
# Exit: 0 done, 1 failed, 2 this machine cannot run a daemon (the reason on stderr).
set -u
PATH=$PATH:/usr/sbin:/sbin
command=${1:-} socket=${2:-}
image=mesoscope/busybox

fail() { code=$1; shift; echo "docker.sh: $*" >&2; exit "$code"; }
client() { docker -H "unix://$socket" "$@"; }
answers() { client version >/dev/null 2>&1; }
running() { [ -s "$dir/pid" ] && kill -0 "$(cat "$dir/pid")" 2>/dev/null; }

install() {
  command -v dockerd >/dev/null && command -v docker >/dev/null && command -v busybox >/dev/null && return 0
  [ "$(id -u)" = 0 ] || fail 1 "install needs root"
  made=
  # Debian starts a service as soon as it is installed, unless this file forbids it.
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    made=1
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d
  fi
  export DEBIAN_FRONTEND=noninteractive
  packages='docker.io busybox-static'
  apt-get install -y -qq --no-install-recommends $packages >/dev/null 2>&1 ||
    { apt-get update -qq >/dev/null 2>&1; apt-get install -y -qq --no-install-recommends $packages >&2; }
  result=$?
  [ -z "$made" ] || rm -f /usr/sbin/policy-rc.d
  [ $result = 0 ] || fail 1 "apt-get install $packages failed"
}

# Without cgroups under /sys/fs/cgroup the daemon gets them mounted in a mount namespace of its own.
cgroups='
if [ "$(stat -fc %T /sys/fs/cgroup)" != cgroup2fs ] && ! grep -q " /sys/fs/cgroup/memory cgroup " /proc/mounts; then
  mount -t tmpfs cgroup /sys/fs/cgroup
  for c in $(awk "!/^#/ && \$2 != 0 && \$4 == 1 { print \$1 }" /proc/cgroups); do
    mkdir -p /sys/fs/cgroup/$c && mount -t cgroup -o $c cgroup /sys/fs/cgroup/$c
  done
  mkdir -p /sys/fs/cgroup/systemd && mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
fi
'

launch() {
  : >"$dir/dockerd.log"
  echo '{}' >"$dir/daemon.json"
  setsid unshare -m sh -c "$cgroups exec dockerd --host=unix://$socket --data-root=$dir/data --exec-root=$dir/exec \
    --pidfile=$dir/pid --config-file=$dir/daemon.json --exec-opt native.cgroupdriver=cgroupfs --storage-driver=$1 \
    --bridge=none --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false" \
    >>"$dir/dockerd.log" 2>&1 </dev/null &
  launched=$!
  tries=0
  while [ $tries -lt 150 ]; do
    answers && return 0
    kill -0 $launched 2>/dev/null || return 1
    tries=$((tries + 1)); sleep 0.2
  done
  kill $launched 2>/dev/null
  return 1
}

import_image() {
  client image inspect $image >/dev/null 2>&1 && return 0
  tree=$(mktemp -d)
  mkdir -p "$tree/bin" "$tree/tmp"
  cp "$(command -v busybox)" "$tree/bin/busybox"
  for applet in $(busybox --list); do ln -s busybox "$tree/bin/$applet" 2>/dev/null; done
  tar -C "$tree" -c . | client import --change 'ENV PATH=/bin' - $image >/dev/null
  result=$?
  rm -rf "$tree"
  return $result
}

start() {
  mkdir -p "$dir/data" "$dir/exec"
  running && answers && return 0
  [ "$(id -u)" = 0 ] || fail 2 "a daemon needs root; or give the socket of a running one in MESOSCOPE_TEST_DOCKER_SOCKET"
  command -v dockerd >/dev/null || fail 1 "dockerd is not installed: run '$0 install'"
  unshare -m true 2>/dev/null || fail 2 "this kernel or container does not allow mount namespaces"
  rm -f "$dir/pid" "$socket"
  launch overlay2 || { sweep; launch vfs; } || { sweep; fail 2 "dockerd does not start: $(tail -2 "$dir/dockerd.log")"; }
  import_image || { stop; fail 1 "docker import of busybox failed"; }
}

# What a killed daemon leaves behind: containerd, shims (told by our folder in their arguments) and mounts.
sweep() {
  for proc in /proc/[0-9]*; do
    { tr '\0' ' ' <"$proc/cmdline"; } 2>/dev/null | grep -q "^[^ ]*containerd[^ ]* .*$dir/exec/" && kill "${proc#/proc/}" 2>/dev/null
  done
  awk -v dir="$dir/" 'index($2, dir) == 1 { print $2 }' /proc/mounts | sort -r | while read -r point; do umount "$point"; done
  rm -f "$socket" "$dir/pid"
}

stop() {
  if running; then
    pid=$(cat "$dir/pid")
    ids=$(client ps -q 2>/dev/null)
    [ -z "$ids" ] || client kill $ids >/dev/null 2>&1
    kill "$pid"
    tries=0
    while kill -0 "$pid" 2>/dev/null; do
      tries=$((tries + 1)); [ $tries -lt 100 ] || kill -9 "$pid"; sleep 0.2
    done
  fi
  sweep
}

case $command in
  install) install ;;
  start | stop)
    [ -n "$socket" ] || fail 1 "$command needs a socket"
    dir=$(dirname "$socket")
    mkdir -p "$dir" && dir=$(cd "$dir" && pwd -P) && socket=$dir/$(basename "$socket")
    $command
    ;;
  *) sed -n 2,7p "$0"; exit 1 ;;
esac
