"""Runs a program in a network namespace of its own, where nothing but loopback exists.

Whatever tries to leave finds no route, and the kernel counts that: so a test can show not only that the
program works without a network, but that nothing in it tried to reach one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def available() -> bool:
    """Tell whether this process may make such a namespace."""
    unshare, ip = shutil.which("unshare"), shutil.which("true")
    return (
        bool(unshare and ip)
        and not subprocess.run(
            [unshare, "--net", "--map-root-user", ip], capture_output=True, check=False
        ).returncode
    )


def run(program: str, arguments: Sequence[str] = (), **environment: str) -> str:
    """Run a Python program there and return what it printed; raise `AssertionError` with its errors."""
    command = ["unshare", "--net", "--map-root-user", sys.executable, "-c", PREFACE + program, *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests"), **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


# Loopback is down in a new namespace. `attempts` reads the kernel's counts of packets without a route.
PREFACE = """
import fcntl, socket, struct
def _loopback_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        request = struct.pack("16sh14s", b"lo", 0, b"")
        flags = struct.unpack("16sh14s", fcntl.ioctl(s, 0x8913, request))[1]
        fcntl.ioctl(s, 0x8914, struct.pack("16sh14s", b"lo", flags | 1, b""))
_loopback_up()
def attempts():
    count = 0
    rows = [line.split() for line in open("/proc/net/snmp") if line.startswith("Ip:")]
    count += int(dict(zip(*rows))["OutNoRoutes"])
    for line in open("/proc/net/snmp6"):
        name, value = line.split()
        count += int(value) if name == "Ip6OutNoRoutes" else 0
    return count
"""
