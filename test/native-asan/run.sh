#!/bin/sh
# Runs the tests of the native capture against an addon built with AddressSanitizer and UndefinedBehaviorSanitizer,
# then a leak check of the addon's own allocations. Works on a copy, so that the real build stays as it is.
# Needs root, g++ with libasan, and the dependencies installed. Exit status 0: clean.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
copy=$(mktemp -d "${TMPDIR:-/tmp}/bridgewatch-asan.XXXXXX")
chmod 755 "$copy" # some tests give up root
trap 'rm -rf "$copy"' EXIT INT TERM

cd "$root"
mkdir -p "$copy/src" "$copy/test/bench"
cp package.json tsconfig.json "$copy"
cp -r capture "$copy"
rm -rf "$copy/capture/native/build"
cp -r src/model src/telemetry "$copy/src"
cp -r test/capture "$copy/test"
cp test/bench/packet-blaster.c "$copy/test/bench"
cp test/native-asan/leaks.mjs "$copy"
ln -s "$root/node_modules" "$copy/node_modules"
cd "$copy"

sanitize='-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -g -O1'
echo "building the addon with: $sanitize"
CXXFLAGS="$sanitize" LDFLAGS='-fsanitize=address,undefined' node capture/native/install.mjs --required

# Node itself is not instrumented, so the runtime must be loaded before everything else.
preload=$(g++ -print-file-name=libasan.so)
echo "running the tests"
LD_PRELOAD="$preload" ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:handle_segv=0 UBSAN_OPTIONS=print_stacktrace=1 \
  node node_modules/vitest/vitest.mjs run --root . --testTimeout 60000 \
  test/capture/native.test.ts test/capture/live.test.ts test/capture/live-open.test.ts test/capture/live-end.test.ts \
  test/capture/live-life.test.ts test/capture/netfilter.test.ts

# V8 leaves much to the exit of the process: only what the addon allocated counts.
echo "looking for leaks"
report="$copy/leaks.txt"
LD_PRELOAD="$preload" ASAN_OPTIONS=detect_leaks=1:exitcode=0:fast_unwind_on_malloc=0:log_path="$report" node leaks.mjs
leaks=$(cat "$report".* 2>/dev/null | awk -v RS= '/leak of/ && /bridgewatch_pcap|libpcap/' || true)
if [ -n "$leaks" ]; then
  echo "$leaks"
  echo "LEAKS in the addon"
  exit 1
fi
echo "no leak in the addon"
