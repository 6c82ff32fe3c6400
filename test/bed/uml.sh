#!/usr/bin/env bash
# uml.sh - runs a command in a bed of its own under user-mode-linux: a kernel of Debian's that is an ordinary program, and
# has what the machine's own may lack, such as IPVS. `bed.sh install uml` fetches it.
#
#   uml.sh CMD...   h1 has Engine 28.5, h3 has 26.1. Ends with the command's exit code.
#
# It sees all files of the machine; what it writes is gone with it. It takes 1 GB below /dev/shm, and is slow at system calls.
set -euo pipefail

HERE=$(dirname "$(readlink -f "$0")")
export BED_CACHE=${BED_CACHE:-/var/cache/ouroboros-bed}
MODULES="overlay ipv6 bridge br_netfilter veth vxlan iptable_filter iptable_nat iptable_mangle iptable_raw ip6table_filter
  ip6table_nat ip6table_mangle ip6table_raw nf_conntrack_netlink xt_nat xt_MASQUERADE xt_REDIRECT xt_addrtype
  xt_conntrack xt_mark xt_tcpudp xt_comment xt_ipvs ip_vs_rr"

outside() {
  local dir
  [ -e "$BED_CACHE/uml/ready" ] || { echo "uml: it is not there: run bed.sh install uml" >&2; exit 1; }
  dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
  declare -p PATH BED_CACHE OUROBOROS_TEST_FULL > "$dir/run" 2> /dev/null || true
  printf '%q ' "$@" >> "$dir/run"
  # In a pid namespace, because it leaves processes behind where it is killed. Its memory is a file in TMPDIR.
  TMPDIR=/dev/shm setpriv --pdeathsig KILL unshare --pid --fork --kill-child --mount-proc \
    "$BED_CACHE/uml/usr/bin/linux.uml" mem=4G uml_dir="$dir/" root=/dev/root rootfstype=hostfs rootflags=/ ro \
    init="$HERE/uml.sh" "OUROBOROS_UML=$dir:$PWD" con=null con0=null,fd:1 ssl=null quiet loglevel=1 < /dev/null || true
  exit "$(cat "$dir/code" 2> /dev/null || echo 1)"
}

inside() { # as PID 1, whose standard output is ours
  local dir=${OUROBOROS_UML%%:*} here=${OUROBOROS_UML#*:} name
  export HOME=/root; . <(grep '^declare' "$dir/run")
  make_files "$dir" "$here"
  insert_modules
  for name in {iptables,ip6tables}{,-save,-restore}; do # its nf_tables has no NAT
    ln -sfn "/usr/sbin/${name/tables/tables-legacy}" "/etc/alternatives/$name"
  done
  ip link set lo up
  export OUROBOROS_TEST_PATIENCE=6
  bash "$HERE/bed.sh" up 28.5; bash "$HERE/bed.sh" boot 3 26.1
  cd "$here"; bash "$HERE/bed.sh" exec bash /run/outside/run
}

make_files() { # DIR HERE: the machine's are there to read. No overlay: a host stacks two of its own on them, the most there may be
  mount -t tmpfs tmpfs /run; mkdir /run/{etc,outside,here}
  mount -t hostfs -o "$1" none /run/outside; mount --bind "$2" /run/here
  mount -t tmpfs tmpfs /tmp; mkdir -p "$2"; mount --bind /run/here "$2" # which may be below /tmp
  cp -a /etc/. /run/etc; mount --bind /run/etc /etc
  mount -t sysfs sysfs /sys; mount -t cgroup2 cgroup2 /sys/fs/cgroup
  mkdir -p /dev/pts /dev/shm; mount -t devpts devpts /dev/pts; mount -t tmpfs tmpfs /dev/shm
}

insert_modules() { # there is no modprobe on every Debian
  local dir list name; dir=$(echo "$BED_CACHE"/uml/usr/lib/uml/modules/*)
  list=$(awk -F: -v wanted="$(echo $MODULES)" '
    { name = $1; gsub(/.*\/|[.]ko/, "", name); file[name] = $1; needs[name] = $2 }
    END { for (n = split(wanted, names, " "); i++ < n;) {
      m = split(needs[names[i]], files, " "); files[0] = file[names[i]]
      for (j = m; j >= 0; j--) if (!seen[files[j]]++) print files[j] } }' "$dir/modules.dep")
  for name in $list; do busybox insmod "$dir/$name"; done
}

if [ -z "${OUROBOROS_UML:-}" ]; then outside "$@"; fi
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc; mountpoint -q /dev || mount -t devtmpfs devtmpfs /dev
ln -sfn /proc/self/fd /dev/fd
set +e; (set -e; inside); echo $? > /run/outside/code
busybox poweroff -f
