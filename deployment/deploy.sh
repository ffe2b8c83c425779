#!/usr/bin/env bash
# Installs, configures, starts and proves the P3.3 Position State Brain on this host. Safe to run again: that is how it is
# upgraded. What a person has written (settings, passwords) is never overwritten.
#
#   deployment/deploy.sh                    install or upgrade from this source tree, restart, prove
#   deployment/deploy.sh --with-redis       ... with a Redis of its own on this host, roles and passwords included
#   deployment/deploy.sh rollback           back to the release before, restart, prove
#   deployment/deploy.sh --dry-run          say what would be done
#   deployment/deploy.sh --root DIR         into DIR instead of /: no user, no systemd, nothing started; then DIR/usr/local/bin/p33
#
# More options: --prefix P (P33_KEY_PREFIX, default quantum), --workers N (default 2), --no-start, --venv DIR (use this
# environment instead of making one, with --root only), --keep N (releases to keep, default 5).
set -euo pipefail
umask 022

NAME=quantum-position-state-brain
source_dir=$(cd "$(dirname "$0")/.." && pwd)
action=install root='' prefix=quantum workers=2 keep=5 dry_run='' start=yes with_redis='' venv='' redis_changed=''

die() { echo "deploy.sh: $*" >&2; exit 2; }
say() { echo "==> $*"; }
run() { if [[ $dry_run ]]; then echo "    would run: $*"; else "$@"; fi; }

while (($#)); do
  case $1 in
    install | rollback) action=$1 ;;
    --dry-run) dry_run=yes ;;
    --root) root=${2:?--root needs a folder}; shift ;;
    --prefix) prefix=${2:?}; shift ;;
    --workers) workers=${2:?}; shift ;;
    --keep) keep=${2:?}; shift ;;
    --venv) venv=${2:?}; shift ;;
    --with-redis) with_redis=yes ;;
    --no-start) start='' ;;
    -h | --help) sed -n '2,/^set -euo/p' "$0" | sed '$d; s/^# \{0,1\}//'; exit 0 ;;
    *) die "unknown argument '$1'; see --help" ;;
  esac
  shift
done

if [[ $root ]]; then
  start=''
  [[ $dry_run ]] || mkdir -p "$root"
  [[ $dry_run ]] || root=$(cd "$root" && pwd)
elif [[ $venv ]]; then
  die "--venv is for trying, with --root"
elif [[ ! $dry_run && $(id -u) != 0 ]]; then
  die "run it as root, or try it with --root DIR or --dry-run"
fi
[[ $workers =~ ^[1-9][0-9]?$ ]] || die "--workers $workers: 1 to 99"
[[ $prefix =~ ^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$ ]] || die "--prefix '$prefix': 1 to 64 letters, digits, '.', '_' or '-'"

base=$root/opt/quantum/position-state-brain
etc=$root/etc/quantum
secrets=$etc/secrets
env_file=$etc/position-state-brain.env
units=$root/etc/systemd/system

# --- parts ----------------------------------------------------------------------------------------------------------

# A name that says what is in it: the same source is installed once.
release_id() {
  local version digest
  version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$source_dir/pyproject.toml" | head -n 1)
  digest=$(cd "$source_dir" && list_source | sort -z | xargs -0 sha256sum | sha256sum | cut -c 1-12)
  echo "$version-$digest"
}

list_source() {
  find p33_tasks config deployment ./*.lock pyproject.toml flower.conf Makefile README.md LICENSE \
    \( -name __pycache__ -o -name secrets \) -prune -o -type f -print0
}

install_user() {
  [[ $root ]] && return
  id quantum > /dev/null 2>&1 ||
    run useradd --system --home-dir /nonexistent --no-create-home --shell /usr/sbin/nologin quantum
}

install_release() {
  local release=$base/releases/$1 python
  if [[ -e $release/.complete ]]; then
    say "release $1 is there already"
    return
  fi
  say "installing release $1"
  run mkdir -p "$release"
  [[ $dry_run ]] && return
  (cd "$source_dir" && list_source | tar --null -cf - -T -) | tar -xf - -C "$release"
  if [[ $venv ]]; then
    ln -sfn "$(cd "$venv" && pwd)" "$release/.venv"
  else
    python=$(find_python)
    make --silent -C "$release" PYTHON="$python" VENV=.venv .venv/.runtime
    # Celery-exporter's pins don't allow every Python; the gate doesn't need it.
    make --silent -C "$release" PYTHON="$python" VENV=.venv celery-exporter ||
      say "celery-exporter could not be installed with $python (it wants 3.11 or 3.12); the queues won't be watched"
  fi
  chmod -R a+rX "$release" 2> /dev/null || true
  touch "$release/.complete"
}

find_python() {
  local candidate
  for candidate in python3.11 python3.12 python3.13 python3; do
    if command -v "$candidate" > /dev/null &&
      "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; then
      command -v "$candidate"
      return
    fi
  done
  die "no Python 3.11 or newer with venv: apt-get install python3.11 python3.11-venv"
}

# Writes standard input to a file, mode and all, in one step.
put() {
  local file=$1 mode=$2
  if [[ $dry_run ]]; then
    cat > /dev/null
    echo "    would write: $file"
    return
  fi
  mkdir -p "$(dirname "$file")"
  (umask 077 && cat > "$file.new")
  chmod "$mode" "$file.new"
  mv "$file.new" "$file"
}

# For root and the service's group only.
put_secret() {
  put "$1" 0640
  [[ $root || $dry_run ]] || chgrp quantum "$1"
}

install_settings() {
  if [[ -e $env_file ]]; then
    say "keeping $env_file"
  else
    say "writing $env_file from the example"
    { cat "$source_dir/config/position-state-brain.env.example"
      printf '\n# --- of this host, written by deploy.sh ---\nP33_KEY_PREFIX=%s\n' "$prefix"; } | put_secret "$env_file"
  fi
}

password() { head -n 1 "$secrets/$1"; }

install_redis() {
  local version=7 users=users.acl server=/usr/bin/redis-server # as in the unit; another may be first on PATH
  say "Redis: configuration, roles and passwords"
  [[ -x $server || $root || $dry_run ]] || die "no $server: apt-get install redis-server"
  if [[ -x $server ]]; then
    version=$("$server" --version | sed -n 's/.* v=\([0-9]*\)\..*/\1/p')
  fi
  [[ $version -ge 7 ]] || users="users-6.2.acl"
  cmp -s "$source_dir/config/redis.conf" "$root/etc/redis/position-state-brain.conf" || redis_changed=yes
  put "$root/etc/redis/position-state-brain.conf" 0644 < "$source_dir/config/redis.conf"
  if [[ $dry_run ]]; then
    echo "    would make: passwords in $secrets, $root/etc/redis/position-state-brain.acl"
    return
  fi
  (umask 077 && mkdir -p "$secrets")
  # Through a file, so that a failure to make it isn't taken for an empty one.
  "$source_dir/deployment/make-acl.sh" "$secrets" "$prefix" "$source_dir/config/$users" > "$secrets/.acl.new"
  put "$root/etc/redis/position-state-brain.acl" 0640 < "$secrets/.acl.new"
  rm -f "$secrets/.acl.new"
  [[ $root ]] || chgrp redis /etc/redis/position-state-brain.acl
  login_as_brain
  put_secret "$etc/position-state-brain-exporter.env" < <(login p33-exporter)
  put_secret "$etc/position-state-brain-operator.env" < <(login p33-operator)
  [[ -s $secrets/flower ]] || (umask 077 && od -An -N 16 -tx1 /dev/urandom | tr -d ' \n' > "$secrets/flower")
  put_secret "$etc/position-state-brain-watch.env" < <(
    login p33-watch
    echo "FLOWER_BASIC_AUTH=operator:$(password flower)"
  )
}

login() { printf 'REDIS_USERNAME=%s\nREDIS_PASSWORD=%s\n' "$1" "$(password "$1")"; }

# Once; a login that a person wrote there stays.
login_as_brain() {
  if grep -q '^REDIS_USERNAME=p33-brain$' "$env_file"; then
    sed "s/^REDIS_PASSWORD=.*/REDIS_PASSWORD=$(password p33-brain)/" "$env_file" | put_secret "$env_file"
  elif ! grep -qE '^(REDIS_USERNAME|REDIS_PASSWORD|P33_REDIS_URL)=' "$env_file"; then
    { cat "$env_file"; login p33-brain; } | put_secret "$env_file"
  else
    say "keeping the Redis login in $env_file"
  fi
}

install_units() {
  local file number
  say "systemd units"
  for file in "$source_dir"/deployment/systemd/*; do
    [[ $file == *-redis.service && ! $with_redis ]] && continue
    put "$units/${file##*/}" 0644 < "$file"
  done
  [[ $root ]] && return
  run systemctl daemon-reload
  [[ $with_redis ]] && run systemctl enable "$NAME-redis.service"
  run systemctl enable "$NAME.service" "$NAME.target" "$NAME-snapshots" "$NAME-beat" "$NAME-exporter" "$NAME-flower"
  [[ -x $base/current/.venv-celery-exporter/bin/python ]] && run systemctl enable "$NAME-celery-exporter"
  for number in $(seq 1 "$workers"); do run systemctl enable "$NAME-worker@$number"; done
}

# p33 and p33-redis for people: the settings of this host, under the operator's role.
install_command() {
  put "$root/usr/local/bin/p33" 0755 << WRAPPER
#!/bin/sh
# Written by deploy.sh: p33 with this host's settings, under the operator's role where there is one.
: "\${P33_ENV_FILE:=$env_file}"
export P33_ENV_FILE
if [ "\$P33_ENV_FILE" = "$env_file" ] && [ -r "$etc/position-state-brain-operator.env" ]; then
  set -a
  . "$etc/position-state-brain-operator.env"
  set +a
fi
exec "$base/current/.venv/bin/p33" "\$@"
WRAPPER
  put "$root/usr/local/bin/p33-redis" 0755 << WRAPPER
#!/bin/sh
# Written by deploy.sh: redis-cli on this host's state store, as the operator; p33-redis --admin ... as the one who may do all.
role=p33-operator
if [ "\$1" = --admin ]; then role=p33-admin; shift; fi
value() { sed -n "s/^\$1=//p" "$env_file" | tail -n 1; }
host=\$(value REDIS_HOST) port=\$(value REDIS_PORT) db=\$(value REDIS_DB)
if [ -r "$secrets/\$role" ]; then
  REDISCLI_AUTH=\$(head -n 1 "$secrets/\$role")
  export REDISCLI_AUTH
  set -- --no-auth-warning --user "\$role" -n "\${db:-0}" "\$@"
fi
exec redis-cli -h "\${host:-localhost}" -p "\${port:-6379}" "\$@"
WRAPPER
}

# Both links are switched in one step each; nobody ever finds none.
switch_to() {
  local now
  now=$(readlink "$base/current" 2> /dev/null || true)
  if [[ $now == "releases/$1" ]]; then return; fi
  say "switching to $1${now:+ (was ${now#releases/})}"
  [[ $dry_run ]] && return
  if [[ $now ]]; then
    ln -s "$now" "$base/previous.new"
    mv -T "$base/previous.new" "$base/previous"
  fi
  ln -s "releases/$1" "$base/current.new"
  mv -T "$base/current.new" "$base/current"
}

remove_old_releases() {
  local now before release
  now=$(readlink "$base/current") before=$(readlink "$base/previous" || true)
  find "$base/releases" -mindepth 1 -maxdepth 1 -type d -printf '%T@ releases/%f\n' | sort -rn | cut -d ' ' -f 2 |
    tail -n "+$((keep + 1))" | while read -r release; do
    [[ $release == "$now" || $release == "$before" ]] || rm -rf "${base:?}/$release"
  done
}

# A running Redis is restarted only for a new configuration: every permit of its life before is void then.
start_redis() {
  if [[ ! $dry_run && ! $redis_changed ]] && systemctl is-active --quiet "$NAME-redis.service"; then
    say "Redis: loading roles and passwords"
    REDISCLI_AUTH=$(password p33-admin) redis-cli --no-auth-warning --user p33-admin ACL LOAD
  else
    say "Redis: starting"
    run systemctl restart "$NAME-redis.service"
  fi
}

start_and_prove() {
  if [[ ! $start ]]; then
    say "installed, not started${root:+ (try it: $root/usr/local/bin/p33 up)}"
    return
  fi
  if [[ $with_redis ]]; then start_redis; fi
  say "starting"
  run systemctl restart "$NAME.service"
  run "$source_dir/deployment/proof.sh"
}

# --- what is asked for ----------------------------------------------------------------------------------------------

case $action in
  install)
    id=$(release_id)
    install_user
    install_release "$id"
    install_settings
    [[ $with_redis ]] && install_redis
    switch_to "$id"
    install_units
    install_command
    [[ $dry_run ]] || remove_old_releases
    start_and_prove
    ;;
  rollback)
    previous=$(readlink "$base/previous" 2> /dev/null || true)
    [[ $previous && -e $base/$previous/.complete ]] || die "there is no release to go back to in $base/releases"
    switch_to "${previous#releases/}"
    source_dir=$base/current
    install_units
    start_and_prove
    ;;
esac
say "done"
