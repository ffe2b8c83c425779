#!/usr/bin/env bash
# Makes what compose.yml reads from deployment/compose/secrets: Redis roles with passwords, and a settings file per role.
# Safe to run again: what is there stays, and a settings file that a person has changed is never overwritten.
#
#   deployment/compose/prepare.sh [FOLDER] [PREFIX]
#
# Then write your exchange's keys and symbols into FOLDER/brain.env.
set -euo pipefail
umask 077

here=$(cd "$(dirname "$0")" && pwd)
secrets=${1:-$here/secrets}
prefix=${2:-quantum}
project=$(cd "$here/../.." && pwd)

mkdir -p "$secrets"
"$project/deployment/make-acl.sh" "$secrets/passwords" "$prefix" > "$secrets/users.acl.new"
mv "$secrets/users.acl.new" "$secrets/users.acl"
# Read by Redis's own user inside its container; it holds hashes only.
chmod 0644 "$secrets/users.acl"

random() { od -An -N 16 -tx1 /dev/urandom | tr -d ' \n'; }

login() { printf 'REDIS_USERNAME=%s\nREDIS_PASSWORD=%s\n' "$1" "$(head -n 1 "$secrets/passwords/$1")"; }

if [[ ! -e $secrets/brain.env ]]; then
  { cat "$project/config/position-state-brain.env.example"
    printf '\n# --- of this compose project ---\nREDIS_HOST=redis\nP33_KEY_PREFIX=%s\n' "$prefix"
    login p33-brain; } > "$secrets/brain.env"
fi
login p33-exporter > "$secrets/exporter.env"
login p33-model > "$secrets/model.env"
[[ -e $secrets/watch.env ]] || { login p33-watch; echo "FLOWER_BASIC_AUTH=operator:$(random)"; } > "$secrets/watch.env"
[[ -e $secrets/grafana.env ]] || printf 'GF_SECURITY_ADMIN_USER=admin\nGF_SECURITY_ADMIN_PASSWORD=%s\n' "$(random)" > "$secrets/grafana.env"
echo "made in $secrets: brain.env (write your exchange's keys there), exporter.env, model.env, watch.env (Flower's login), grafana.env"
