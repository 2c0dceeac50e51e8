#!/usr/bin/env bash
# Stop the private SLURM of up.sh with its jobs, and remove its state.
set -euo pipefail
source "$(dirname "$0")/common.sh"

# stop DAEMON [NAME]
stop() {
    running "$@" || return 0
    local pid
    pid=$(cat "$SLURM_HOME/${2:-$1}.pid")
    kill -TERM "$pid"
    for _ in {1..50}; do
        [ -e "/proc/$pid" ] || return 0
        sleep 0.1
    done
    kill -KILL "$pid" 2>/dev/null || true
}

[ -d "$SLURM_HOME" ] || exit 0
if running slurmctld; then
    squeue --noheader --format=%A | xargs -r scancel
    idle() { [ -z "$(squeue --noheader)" ]; }
    wait_until 20 idle
fi
for pidfile in "$SLURM_HOME"/n*.pid; do
    stop slurmd "$(basename "$pidfile" .pid)"
done
stop slurmctld
stop munged
# Without cgroups a process of a cancelled job may slip away; its environment tells where it is from.
for environ in $(grep -lsz "^SLURM_CLUSTER_NAME=$CLUSTER$" /proc/[0-9]*/environ); do
    pid=${environ//[^0-9]/}
    [ "$pid" = $$ ] || kill -KILL "$pid" 2>/dev/null || true
done
[ "$(readlink "$LINK")" != "$SLURM_CONF" ] || rm "$LINK"
rm -rf "$SLURM_HOME"
