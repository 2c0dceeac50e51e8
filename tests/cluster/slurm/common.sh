# Sourced by up.sh and down.sh: where the private SLURM lives, and how its daemons are found.
SLURM_HOME=${SLURM_HOME:-${TMPDIR:-/tmp}/nsslib-slurm}
export SLURM_CONF=$SLURM_HOME/slurm.conf
CLUSTER=nsslib-private
# Job steps lose SLURM_CONF from their environment, so the usual place must lead to it.
LINK=/etc/slurm/slurm.conf

fail() {
    echo "slurm: $*" >&2
    exit 1
}

# running DAEMON [NAME]: whether the process of its pid file is that daemon.
running() {
    local pid
    pid=$(cat "$SLURM_HOME/${2:-$1}.pid" 2>/dev/null) && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$1" ]
}

# wait_until SECONDS COMMAND...
wait_until() {
    local tries=$((10 * $1))
    shift
    while ! "$@" >/dev/null 2>&1; do
        ((tries-- > 0)) || fail "no answer from: $*; see $SLURM_HOME/*.log"
        sleep 0.1
    done
}
