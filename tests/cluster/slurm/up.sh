#!/usr/bin/env bash
# Start a private SLURM on this machine: munge, a controller and emulated nodes, on loopback only, without accounting.
# Started twice, it repairs what is missing. Needs root, and Debian where the packages are not there yet.
#   NODES=2 CPUS=1 MEMORY=4000 SLURM_HOME=/tmp/nsslib-slurm tests/cluster/slurm/up.sh
set -euo pipefail
source "$(dirname "$0")/common.sh"
NODES=${NODES:-2}
CPUS=${CPUS:-1}
MEMORY=${MEMORY:-4000}
PORT=${PORT:-26817} # of the controller; the nodes take the next ones
HOST=$(hostname -s)

[ "$(id -u)" = 0 ] || fail "starting daemons and linking $LINK needs root"
if ! type -P slurmctld slurmd sbatch munged >/dev/null; then
    echo "installing SLURM and munge" >&2
    apt-get update -qq >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends slurmctld slurmd slurm-client munge >&2
fi
[ ! -e "$LINK" ] || [ "$(readlink "$LINK")" = "$SLURM_CONF" ] || fail "$LINK belongs to another SLURM; stop that one first"
# Nodes resolve the name of their host.
getent hosts "$HOST" >/dev/null || echo "127.0.0.1 $HOST" >>/etc/hosts

install -d -m 755 "$SLURM_HOME" "$SLURM_HOME/spool" /etc/slurm
cat >"$SLURM_CONF" <<CONF
ClusterName=$CLUSTER
SlurmctldHost=$HOST(127.0.0.1)
SlurmctldPort=$PORT
SlurmUser=root
AuthType=auth/munge
# A requeued job waits for its old credential to expire, two minutes by default.
AuthInfo=socket=$SLURM_HOME/munge.socket,cred_expire=5
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation=$SLURM_HOME/state
SlurmdSpoolDir=$SLURM_HOME/spool/%n
SlurmctldPidFile=$SLURM_HOME/slurmctld.pid
SlurmdPidFile=$SLURM_HOME/%n.pid
SlurmctldLogFile=$SLURM_HOME/slurmctld.log
SlurmdLogFile=$SLURM_HOME/%n.log
# No cgroups: containers and virtual machines of CI often have none.
ProctrackType=proctrack/pgid
TaskPlugin=task/none
MpiDefault=none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
# Emulated nodes may have more than the machine.
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_interval=2,sched_min_interval=0,bf_interval=2
# Failures are noticed within seconds, and finished jobs stay visible to squeue.
SlurmdTimeout=10
ReturnToService=2
JobRequeue=1
KillWait=2
MinJobAge=3600
NodeName=n[1-$NODES] NodeHostname=$HOST NodeAddr=127.0.0.1 Port=[$((PORT + 1))-$((PORT + NODES))] CPUs=$CPUS RealMemory=$MEMORY
PartitionName=main Nodes=ALL Default=YES DefaultTime=30 MaxTime=1-0
CONF
# Named, as slurmd looks for mounted cgroups otherwise, and does not start where there are none.
echo "CgroupPlugin=cgroup/v1" >"$SLURM_HOME/cgroup.conf"
ln -sfn "$SLURM_CONF" "$LINK"

if ! running munged; then
    [ -s "$SLURM_HOME/munge.key" ] || (umask 077 && head -c 1024 /dev/urandom >"$SLURM_HOME/munge.key")
    munged --force --key-file="$SLURM_HOME/munge.key" --socket="$SLURM_HOME/munge.socket" \
        --pid-file="$SLURM_HOME/munged.pid" --log-file="$SLURM_HOME/munged.log" --seed-file="$SLURM_HOME/munge.seed"
fi
wait_until 10 munge --socket="$SLURM_HOME/munge.socket" --no-input
running slurmctld || slurmctld || fail "slurmctld does not start; see $SLURM_HOME/slurmctld.log"
wait_until 30 scontrol ping
for ((node = 1; node <= NODES; node++)); do
    running slurmd "n$node" || slurmd -N "n$node" || fail "slurmd does not start; see $SLURM_HOME/n$node.log"
    case $(sinfo --noheader --nodes="n$node" --format=%T) in
        down* | drain*) scontrol update nodename="n$node" state=resume || true ;;
    esac
done
all_up() { [ "$(sinfo --noheader --Node --states=idle,mixed,allocated --format=%N | wc -l)" = "$NODES" ]; }
wait_until 30 all_up
sinfo >&2
echo "export SLURM_CONF=$SLURM_CONF"
