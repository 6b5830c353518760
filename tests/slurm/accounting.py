"""SLURM's accounting for the tests' cluster: slurmdbd, and a MariaDB that only listens to a socket in its folder."""

import subprocess
from pathlib import Path

PROGRAMS = ("slurmdbd", "sacct", "sacctmgr", "mariadbd", "mariadb-install-db", "my_print_defaults")
PACKAGES = "slurmdbd mariadb-server-core mariadb-client-core"
SOCKET = "mariadb.socket"

CONF = """\
AuthType=auth/munge
AuthInfo=socket={root}/munge.socket
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort={port}
SlurmUser={user}
LogFile={root}/slurmdbd.log
PidFile={root}/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser={user}
StorageLoc=slurm_acct_db
"""


def _apart_and_small(root: Path) -> list[str]:
    """Files are written anew for each cluster; and a MariaDB that starts deletes temporary tables of all others."""
    return [f"--tmpdir={root}/temporary", "--innodb-log-file-size=4M"]


def configure(root: Path, user: str, port: int) -> None:
    """Writes slurmdbd.conf beside slurm.conf, where slurmdbd looks for it."""
    conf = root / "slurmdbd.conf"
    conf.write_text(CONF.format(root=root, user=user, port=port))
    conf.chmod(0o600)  # slurmdbd takes no other


def make_database(root: Path, user: str) -> None:
    """An empty MariaDB, whose only user is the one who runs the tests, by the socket alone.

    Raises RuntimeError with what was said where it cannot be made."""
    (root / "temporary").mkdir()
    command = ["mariadb-install-db", "--no-defaults", f"--datadir={root}/database", f"--user={user}", "--skip-test-db"]
    command += ["--auth-root-authentication-method=socket", f"--auth-root-socket-user={user}"]
    done = subprocess.run([*command, *_apart_and_small(root)], capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.returncode}\n{done.stdout}\n{done.stderr}")


def database_options(root: Path, user: str) -> list[str]:
    """Of mariadbd. A test's accounting need not survive a power cut."""
    return [
        *("--no-defaults", f"--user={user}", f"--datadir={root}/database", f"--socket={root}/{SOCKET}"),
        *(f"--pid-file={root}/mariadbd.pid", "--skip-networking", "--performance-schema=OFF"),
        *(*_apart_and_small(root), "--innodb-buffer-pool-size=64M", "--innodb-flush-log-at-trx-commit=0"),
        "--innodb-lock-wait-timeout=900",
    ]
