#!/usr/bin/env bash
# Proves that this host's deployment works, without touching a real position:
#
#   1. p33 check: configuration, Redis, broker, exchange, workers, beat, streams of this deployment (reads only)
#   2. p33 proof: the five acceptance cases, with this very code, on a demo of its own (own Redis, simulated exchange)
#
#   deployment/proof.sh [--p33 COMMAND] [--demo-only] [--wait SECONDS]
#
# Exit 0: both passed. 1: one didn't, and the output says which row. The demo touches no Redis of yours.
set -euo pipefail

p33=p33 demo_only='' wait_sec=60
while (($#)); do
  case $1 in
    --p33) p33=${2:?}; shift ;;
    --demo-only) demo_only=yes ;;
    --wait) wait_sec=${2:?}; shift ;;
    *) echo "proof.sh: unknown argument '$1'" >&2; exit 2 ;;
  esac
  shift
done

if [[ ! $demo_only ]]; then
  echo "==> p33 check: this deployment"
  # Processes that have just been started need a moment for their first refresh.
  if ! "$p33" check --wait "$wait_sec"; then
    echo "proof.sh: p33 check still fails after $wait_sec s; every FAIL above says how to mend it" >&2
    exit 1
  fi
fi

echo "==> p33 proof: the acceptance cases, on a demo of its own"
log=$(mktemp)
"$p33" up --no-producer --for 300 > "$log" 2>&1 &
demo=$!
end_demo() {
  kill "$demo" 2> /dev/null || true
  wait "$demo" 2> /dev/null || true
  rm -f "$log" "$log.check"
}
trap end_demo EXIT

env_file=''
deadline=$((SECONDS + wait_sec))
until [[ $env_file && -r $env_file ]]; do
  if ((SECONDS >= deadline)) || ! kill -0 "$demo" 2> /dev/null; then
    cat "$log"
    echo "proof.sh: the demo did not start" >&2
    exit 1
  fi
  sleep 0.5
  env_file=$(sed -n 's/^settings \(.*demo\.env\)$/\1/p' "$log" | head -n 1)
done

# Its first refresh brings positions and step sizes; the cases need both.
export P33_ENV_FILE=$env_file
if ! "$p33" check --wait "$wait_sec" > "$log.check" 2>&1; then
  cat "$log.check" >&2
  echo "proof.sh: the demo did not become ready within $wait_sec s" >&2
  exit 1
fi

if ! "$p33" proof; then
  echo "proof.sh: an acceptance case failed; the demo's output:" >&2
  cat "$log" >&2
  exit 1
fi
echo "==> proven"
