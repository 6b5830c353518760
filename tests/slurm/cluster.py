"""A private SLURM on this machine: real daemons, three pretended nodes (c1, c2, and g1 with two pretended GPUs).

    with Cluster() as cluster:
        subprocess.run(["sbatch", "--wrap", "hostname"], env=cluster.env)

Needs neither root, nor systemd, nor cgroups. Jobs are accounted for in a database of its own (accounting.py); one that
takes more memory than it asked for is killed. Everything lives in one temporary folder, every daemon runs in the
foreground as a child of this process and listens on 127.0.0.1, several clusters may run at once. Whatever carries this
cluster's SLURM_CONF in its environment was started by it, and is ended by `stop`.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import accounting

PROGRAMS = (
    *("munged", "mungekey", "munge", "slurmctld", "slurmd", "slurmstepd"),
    *("sbatch", "srun", "squeue", "sinfo", "scontrol", "scancel", "setpriv"),
    *accounting.PROGRAMS,
)
INSTALL = f"apt-get install --no-install-recommends munge slurmctld slurmd slurm-client {accounting.PACKAGES}"
NODES = ("c1", "c2", "g1")
CPUS, MEM_MB, GPUS = 4, 64000, 2  # of every node (GPUs: of g1), whatever the machine has

CONF = """\
ClusterName=private
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
# a requeued job starts only when its credential has expired (120 s by default)
AuthInfo=socket={root}/munge.socket,cred_expire=10
CredType=cred/munge
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation={root}/state
SlurmdSpoolDir={root}/%n
SlurmctldPidFile={root}/slurmctld.pid
SlurmdPidFile={root}/slurmd-%n.pid
PlugStackConfig={root}/plugstack.conf
MailProg=/bin/true
# pgid, not linuxproc: a process that outlives the TERM of its batch shell must be found and killed
ProctrackType=proctrack/pgid
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={ports[1]}
AccountingStoragePass={root}/munge.socket
AccountingStorageTRES=gres/gpu
AccountingStoreFlags=job_comment
# without cgroups memory is looked at, every second: a job that has more than it asked for is killed
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0,sched_min_interval=0
PriorityType=priority/basic
DefMemPerCPU=100
# refuse at once what no node can ever run, instead of leaving it pending for good
EnforcePartLimits=ALL
# for those who ask squeue, which must remember finished jobs
MinJobAge=3600
KillWait=2
SlurmctldTimeout=30
SlurmdTimeout=10
InactiveLimit=0
Waittime=0
MessageTimeout=10
# a node that was set down is idle again as soon as its slurmd reports
ReturnToService=2
UnkillableStepTimeout=120
# a requeued job goes on in the log of its first start
JobFileAppend=1
# believe this file, not the hardware
SlurmdParameters=config_overrides
GresTypes=gpu
{nodes}
PartitionName=cpu Nodes=c1,c2 Default=YES DefaultTime=10 State=UP PreemptMode=OFF
PartitionName=gpu Nodes=g1 DefaultTime=10 State=UP
# partitions whose jobs go where one of `urgent` wants their nodes: cancelled, or started again
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
PartitionName=cancelled Nodes=c1 DefaultTime=10 State=UP PriorityTier=1 PreemptMode=CANCEL
PartitionName=requeued Nodes=c1 DefaultTime=10 State=UP PriorityTier=1 PreemptMode=REQUEUE
PartitionName=urgent Nodes=c1 DefaultTime=10 State=UP PriorityTier=9
"""


class ClusterError(RuntimeError):
    """The cluster did not start, or did not stop; the message ends with the tails of its logs."""


def missing_programs() -> list[str]:
    """Names of the programs that a cluster needs and that this machine lacks."""
    return [name for name in PROGRAMS if shutil.which(name, path=_search_path()) is None]


def require_slurm() -> None:
    """Skips the test where SLURM is not installed; fails it instead where REQUIRE_SLURM=1 is set, as in CI."""
    if missing := missing_programs():
        reason = f"no SLURM here (missing: {', '.join(missing)}); on Debian: {INSTALL}"
        if os.environ.get("REQUIRE_SLURM") == "1":
            pytest.fail(f"REQUIRE_SLURM=1, but {reason}", pytrace=False)
        pytest.skip(reason)


def clean_environment() -> dict[str, str]:
    """This process's environment without what another SLURM or Snakemake may have left in it."""
    foreign = ("SLURM", "SBATCH", "SRUN", "SQUEUE", "SINFO", "SCANCEL", "SNAKEMAKE")
    return {key: value for key, value in os.environ.items() if not key.startswith(foreign)}


class Cluster:
    """Three nodes of 4 CPUs and 64 GB: partition `cpu` (the default: c1, c2) and partition `gpu` (g1, two GPUs).

    Attributes:
        root: the folder of everything that the cluster writes.
        env: the environment in which sbatch, squeue and Snakemake reach this cluster and no other.
    """

    def __init__(self) -> None:
        # a short path: unix sockets allow 107 bytes
        self.root = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))
        self.conf = self.root / "slurm.conf"
        self.env = clean_environment() | {
            "SLURM_CONF": str(self.conf),
            "PATH": os.pathsep.join([str(self.root / "bin"), str(Path(sys.executable).parent), _search_path()]),
            "MYSQL_UNIX_PORT": str(self.root / accounting.SOCKET),  # where slurmdbd finds its database
        }
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}
        self._was_without_controller = False

    def __enter__(self) -> "Cluster":
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Starts the daemons and waits until every node is idle. Raises ClusterError after 30 seconds."""
        self._configure()
        munge_socket = self.root / "munge.socket"
        self._launch(
            "munged",
            *("--foreground", "--force", f"--key-file={self.root}/munge.key", f"--socket={munge_socket}"),
            *(f"--{kind}-file={self.root}/munged.{kind}" for kind in ("seed", "pid", "log")),
        )
        self.wait("munged", lambda: self._try("munge", "--no-input", f"--socket={munge_socket}"))
        accounting.make_database(self.root, _user())
        self._launch("mariadbd", *accounting.database_options(self.root, _user()))
        self.wait("mariadbd", (self.root / accounting.SOCKET).exists)
        self.start_accounting()
        self.run("sacctmgr", "-i", "add", "cluster", "private")
        self.run("sacctmgr", "-i", "add", "account", "tests", "cluster=private", "description=t", "organization=t")
        self.run("sacctmgr", "-i", "add", "user", _user(), "account=tests")
        self.start_controller()
        for node in NODES:
            self._launch("slurmd", "-D", "-N", node, name=f"slurmd-{node}")
        self.wait("idle nodes", lambda: set(self.run("sinfo", "-h", "-N", "-o", "%T").split()) == {"idle"})

    def stop(self) -> None:
        """Cancels all jobs, ends the daemons and whatever outlived them, and removes the folder.

        Raises ClusterError where something was left: it is ended too, but it should have ended by itself."""
        try:
            # through SLURM itself, so that no step daemon is left behind
            unended = "slurmctld" in self._daemons and not self.cancel_all()
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            unended = True  # the controller is gone: the hunt below does the rest
        for daemon in reversed(self._daemons.values()):  # munged last: the others need it to the end
            _end(daemon)
        left = {pid: _command(pid) for pid in self.processes()}
        for pid in left:
            _signal(pid, signal.SIGKILL)
        if self._was_without_controller:  # SLURM 22.05: the daemon of a step that ended meanwhile waits for ever
            left = {pid: command for pid, command in left.items() if not command.startswith("slurmstepd:")}
        logs = self._logs() if unended or left else ""
        shutil.rmtree(self.root, ignore_errors=True)
        if unended or left:
            raise ClusterError(f"jobs would not end: {unended}; processes left over (killed now): {left}\n{logs}")

    def start_controller(self) -> None:
        """Starts SLURM's controller, slurmctld; what it knew before comes from its folder of states."""
        self._launch("slurmctld", "-D")
        self.wait("slurmctld", lambda: self._try("scontrol", "ping"))

    def start_accounting(self) -> None:
        """Starts slurmdbd, which answers `sacct` from the database."""
        self._launch("slurmdbd", "-D")
        self.wait("slurmdbd", lambda: self._try("sacctmgr", "-n", "show", "cluster"))

    @contextlib.contextmanager
    def without(self, daemon: str) -> Iterator[None]:
        """Kills slurmctld or slurmdbd (kill -9: nobody is told), and starts it again in the end."""
        self._was_without_controller |= daemon == "slurmctld"
        self._daemons[daemon].kill()
        self._daemons.pop(daemon).wait()
        try:
            yield
        finally:
            {"slurmctld": self.start_controller, "slurmdbd": self.start_accounting}[daemon]()

    def thaw_all(self) -> None:
        """Lets every stopped process of the cluster go on, also where there is no controller to ask for it."""
        for pid in self.processes():
            _signal(pid, signal.SIGCONT)

    def run(self, *command: str) -> str:
        """Output of a SLURM command on this cluster. Raises CalledProcessError, or TimeoutExpired after 30 seconds."""
        return subprocess.run(command, env=self.env, text=True, capture_output=True, check=True, timeout=30).stdout

    def job(self, id: str) -> dict[str, str]:
        """What `scontrol show job` says, as {"JobState": "RUNNING", "NumCPUs": "1", ...}."""
        return dict(part.split("=", 1) for part in self.run("scontrol", "show", "job", "-o", id).split() if "=" in part)

    def state(self, id: str) -> str:
        """The state of a job, from its accounting: COMPLETED, TIMEOUT, "CANCELLED by 0", ..."""
        return self.run("sacct", "-X", "-n", "-P", "--format=State", "-j", id).strip()

    def cancel_all(self, seconds: float = 30) -> bool:
        """Cancels every job and waits until its processes are gone. False where some would not end in time."""
        end = time.monotonic() + seconds
        while jobs := self.run("squeue", "-h", "-o", "%A").split():
            if time.monotonic() > end:
                return False
            self._try("scancel", *jobs)
            time.sleep(0.2)
        return True

    def _configure(self) -> None:
        for folder in ("bin", "state", *NODES):
            (self.root / folder).mkdir()
        subprocess.run([_which("mungekey"), "--create", f"--keyfile={self.root}/munge.key"], check=True)
        ports = _free_ports(2 + len(NODES))
        nodes = [
            f"NodeName={node} NodeHostname=localhost NodeAddr=127.0.0.1 Port={port} CPUs={CPUS} RealMemory={MEM_MB}"
            + (f" Gres=gpu:fake:{GPUS}" if node == "g1" else "")
            for node, port in zip(NODES, ports[2:], strict=True)
        ]
        user = _user()
        self.conf.write_text(CONF.format(root=self.root, ports=ports, nodes="\n".join(nodes), user=user))
        accounting.configure(self.root, _user(), ports[1])
        (self.root / "plugstack.conf").touch()
        # links to a character device stand in for GPUs: SLURM numbers them and sets CUDA_VISIBLE_DEVICES
        for index in range(GPUS):
            (self.root / f"gpu{index}").symlink_to("/dev/null")
        (self.root / "gres.conf").write_text(f"NodeName=g1 Name=gpu Type=fake File={self.root}/gpu[0-{GPUS - 1}]\n")
        # the SLURM executor strips SLURM_CONF from the environment of its srun: an srun ahead in PATH puts it back
        srun = self.root / "bin" / "srun"
        srun.write_text(f'#!/bin/sh\nSLURM_CONF={self.conf} exec {_which("srun")} "$@"\n')
        srun.chmod(0o755)

    def _launch(self, program: str, *arguments: str, name: str = "") -> None:
        """Starts a daemon in its foreground mode; it is told to end if this process is killed."""
        command = ["setpriv", "--pdeathsig", "TERM", _which(program), *arguments]
        with (self.root / f"{name or program}.out").open("ab") as out:
            self._daemons[name or program] = subprocess.Popen(
                command, env=self.env, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )

    def wait(self, what: str, ready: Callable[[], bool], seconds: float = 30) -> None:
        end = time.monotonic() + seconds
        while not ready():
            dead = [name for name, daemon in self._daemons.items() if daemon.poll() is not None]
            if dead or time.monotonic() > end:
                raise ClusterError(f"waiting for {what}; daemons that ended: {dead}\n{self._logs()}")
            time.sleep(0.1)

    def _try(self, *command: str) -> bool:
        return subprocess.run(command, env=self.env, capture_output=True, timeout=30).returncode == 0

    def processes(self) -> list[int]:
        """Ids of the living processes that were started for this cluster, by their environment."""
        mark = f"\0SLURM_CONF={self.conf}\0".encode()
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                environment = (folder / "environ").read_bytes()
            except OSError:  # ended meanwhile, or another user's
                continue
            if mark in b"\0" + environment + b"\0":
                found.append(int(folder.name))
        return found

    def _logs(self) -> str:
        tails = [f"--- {path.name}\n{_tail(path, 15)}" for path in sorted(self.root.glob("*.out"))]
        return "\n".join(tails)


def _search_path() -> str:
    return os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


def _which(program: str) -> str:
    path = shutil.which(program, path=_search_path())
    if path is None:
        raise ClusterError(f"{program} is not installed: {INSTALL}")
    return path


def _user() -> str:
    return subprocess.run(["id", "-un"], text=True, capture_output=True, check=True).stdout.strip()


def _free_ports(number: int) -> list[int]:
    sockets = [socket.socket() for _ in range(number)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def _end(process: subprocess.Popen[bytes], seconds: float = 10) -> None:
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:100]
    except OSError:
        return "(ended)"


def _tail(path: Path, lines: int) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
