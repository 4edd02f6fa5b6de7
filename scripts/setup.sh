#!/usr/bin/env bash
# Brings what is missing on this machine: Debian packages (when root and apt are here), npm packages, the binding.
# Says nothing when nothing is missing. Never starts a service, never replaces a program that is already here.
#
#   scripts/setup.sh build          to build and run the agent
#   scripts/setup.sh lab            the sealed lab: a Docker engine of Debian and the programs of its little world
#   scripts/setup.sh test           the tools that tests compare with
#   scripts/setup.sh bench          the tools that `make bench` compares with
set -euo pipefail
cd "$(dirname "$0")/.."

LOG=.lab/setup.log
readonly POLICY=/usr/sbin/policy-rc.d
# Outside the tree, so that another clone also knows whose Docker it is. `make run` reads it.
readonly MARKER=/var/lib/bridgewatch-lab/installed-by-us

export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
export DEBIAN_FRONTEND=noninteractive
mkdir -p .lab 2>/dev/null || true

main() {
  check_node
  if [ -n "$(missing "$@")" ]; then install_packages "$@"; fi
  case " $* " in *' build '*) use_own_headers; install_node_modules; build_bindings ;; esac
}

check_node() {
  if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    loud "Node.js is not installed: Bridgewatch needs Node.js 20.19 or later, with npm (https://nodejs.org)"
    exit 1
  fi
  node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' || {
    loud "Node.js $(node --version) is too old: Bridgewatch needs 20.19 or later"
    exit 1
  }
}

# Debian packages of what is not there, judged by the programs and files, whoever brought them.
# (No `grep -q` behind a pipe: it may end the writer with SIGPIPE, which pipefail takes for a failure.)
missing() {
  local group
  for group in "$@"; do "missing_for_$group"; done | sort -u | tr '\n' ' '
}

missing_for_build() {
  need g++ g++
  need make make
  need python3 python3
  # pcap.h is for the `cap` package only; our own binding opens libpcap at run time.
  [ -e /usr/include/pcap/pcap.h ] || echo libpcap-dev
  ldconfig -p | grep 'libpcap\.so' >/dev/null || echo libpcap0.8
}

missing_for_lab() {
  need dockerd docker.io
  # Debian 13 has the client in a package of its own.
  command -v docker >/dev/null || first_known docker-cli docker.io
  need containerd containerd
  need runc runc
  need iptables iptables
  need nft nftables
  need ip iproute2
  need nsenter util-linux
  need unshare util-linux
  need ifconfig net-tools # iodine calls it
  need iodined iodine
  need dns2tcpd dns2tcp
  need dnsmasq dnsmasq-base
  need influxd influxdb
  need tcpdump tcpdump
  # Where the kernel has AppArmor, an engine without its parser starts no container.
  if grep -qs Y /sys/module/apparmor/parameters/enabled; then need apparmor_parser apparmor; fi
  # The lab's images hold nothing but a busybox, so it must be static and have a web server.
  if ! command -v busybox >/dev/null || ldd "$(command -v busybox)" >/dev/null 2>&1 || ! busybox --list | grep -x httpd >/dev/null; then
    echo busybox-static
  fi
}

missing_for_test() {
  need tshark tshark
  need capinfos wireshark-common
  need xmllint libxml2-utils
  need chromium chromium # opens reports that hold hostile names
  # What an intruder would bring, and what load and relays are made with.
  need nmap nmap
  need masscan masscan
  need ptunnel-ng ptunnel-ng
  need hping3 hping3
  need arpspoof dsniff
  need socat socat
  need wrk wrk
  need prometheus-alertmanager prometheus-alertmanager
  need victoria-metrics victoria-metrics
  need prometheus prometheus
  need nats-server nats-server
  # What Compose files are read with, beside our own rules: 5 MB with its Python on Debian 12.
  need docker-compose docker-compose
  # What the syslog sink sends to, over TLS too, and the certificates for it.
  need rsyslogd rsyslog
  ls /usr/lib/*/rsyslog/lmnsd_gtls.so >/dev/null 2>&1 || echo rsyslog-gnutls
  need openssl openssl
}

missing_for_bench() {
  need tcpdump tcpdump
  need tshark tshark
  need ndpiReader libndpi-bin
}

need() {
  command -v "$1" >/dev/null || echo "$2"
}

first_known() {
  local package
  for package in "$@"; do
    if apt-cache show "$package" >/dev/null 2>&1; then echo "$package"; return; fi
  done
  echo "${@: -1}"
}

install_packages() {
  if ! command -v apt-get >/dev/null; then
    loud "no apt-get here; going on without: $(missing "$@")"
    return 0
  fi
  if [ "$(id -u)" != 0 ]; then
    loud "not root, so not installed: $(missing "$@")(as root: \`make setup\`)"
    return 0
  fi
  say "installing $(missing "$@")(Debian packages; no service is started)"
  apt-get update -qq >>"$LOG" 2>&1 || loud "apt-get update failed (see $LOG); trying with the lists that are here"
  local package packages=() had_dockerd=no
  for package in $(missing "$@"); do # asked again: the names depend on what apt knows
    if apt-cache show "$package" >/dev/null 2>&1; then packages+=("$package"); else loud "apt knows no package $package here; going on without"; fi
  done
  [ ${#packages[@]} -gt 0 ] || return 0
  if command -v dockerd >/dev/null; then had_dockerd=yes; fi
  forbid_services
  if ! apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=120 "${packages[@]}" >>"$LOG" 2>&1; then
    loud "apt-get install ${packages[*]} failed:"
    tail -n 8 "$LOG" >&2
  fi
  allow_services
  hash -r
  if [ $had_dockerd = no ] && command -v dockerd >/dev/null; then mark_docker_as_ours; fi
  case " ${packages[*]} " in *' influxdb '*) leave_off influxdb.service ;; esac
  case " ${packages[*]} " in *' dns2tcp '*) leave_off dns2tcp.service ;; esac
  case " ${packages[*]} " in *' rsyslog '*) leave_off rsyslog.service ;; esac
  case " ${packages[*]} " in *' prometheus-alertmanager '*) leave_off prometheus-alertmanager.service ;; esac
  case " ${packages[*]} " in *' victoria-metrics '*) leave_off victoria-metrics.service ;; esac
}

# Policy: 101 means "action forbidden" to invoke-rc.d and deb-systemd-invoke (Debian Policy 9.3.3).
forbid_services() {
  if [ -e "$POLICY" ]; then mv "$POLICY" "$POLICY.before-bridgewatch"; fi
  printf '#!/bin/sh\nexit 101\n' >"$POLICY"
  chmod 755 "$POLICY"
  trap allow_services EXIT
}

allow_services() {
  trap - EXIT
  rm -f "$POLICY"
  if [ -e "$POLICY.before-bridgewatch" ]; then mv "$POLICY.before-bridgewatch" "$POLICY"; fi
}

# A Docker that only the lab brought is not "this machine's Docker": it must not start at the next boot either.
mark_docker_as_ours() {
  mkdir -p "$(dirname "$MARKER")"
  printf 'docker.io was installed by `make setup` of Bridgewatch for its test lab, and never started as a service.\n' >"$MARKER"
  leave_off docker.service docker.socket containerd.service
}

leave_off() {
  if command -v systemctl >/dev/null; then systemctl disable "$@" >>"$LOG" 2>&1 || true; fi
}

# The headers that came with Node spare node-gyp a download, which a closed network would refuse.
use_own_headers() {
  local prefix
  prefix=$(dirname "$(dirname "$(node -p process.execPath)")")
  if [ -e "$prefix/include/node/node_api.h" ]; then export npm_config_nodedir=${npm_config_nodedir:-$prefix}; fi
}

install_node_modules() {
  if [ node_modules/.package-lock.json -nt package-lock.json ] && ! cap_was_left_out; then return 0; fi
  say 'installing npm packages (npm ci)'
  if ! npm ci --no-audit --no-fund >>"$LOG" 2>&1; then
    loud 'npm ci failed:'
    tail -n 15 "$LOG" >&2
    exit 1
  fi
  touch node_modules/.package-lock.json # npm keeps the time of the lock it was made from
}

# An optional package: npm leaves out what it cannot build, as where `npm ci` ran before libpcap's headers were here.
cap_was_left_out() {
  [ ! -d node_modules/cap ] && [ -e /usr/include/pcap.h ]
}

# npm 12 runs no install script that nobody approved: what `npm ci` left out is done here.
build_bindings() {
  build_addon better-sqlite3 better_sqlite3 || { loud 'the database binding (better-sqlite3) cannot be built:'; tail -n 8 "$LOG" >&2; exit 1; }
  build_addon cap cap || loud 'the `cap` package cannot be built: the portable capture backend reads files only'
  # Silent and quick when the binding is newer than its sources; without a compiler it says what follows.
  node capture/native/install.mjs
}

build_addon() {
  [ -d "node_modules/$1" ] || return 1
  [ -e "node_modules/$1/build/Release/$2.node" ] || (cd "node_modules/$1" && npm run install) >>"$LOG" 2>&1
}

say() { echo "setup: $*"; }
loud() { echo "setup: *** $*" >&2; }

# .lab may be root's from an earlier run.
: 2>/dev/null >"$LOG" || LOG=$(mktemp)
main "$@"
