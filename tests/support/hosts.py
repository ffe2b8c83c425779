"""Network namespaces as hosts, joined by a switch of our own: frames are dropped, delayed or passed, per direction.

Each host is a namespace without a name that ends with its last process, with one TAP device and the loopback; no
packet can leave it but to the switch, a thread of this process. The kernel's own netem isn't needed (and often isn't
there). Linux and root only.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import heapq
import os
import random
import select
import shutil
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000
FRAME = 65_536
BROADCAST_BIT = 0x01
IDLE_SEC = 0.05

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Host:
    """One namespace."""

    number: int
    namespace: int  # file descriptors
    tap: int

    @property
    def address(self) -> str:
        return f"10.77.0.{self.number + 1}"

    @contextmanager
    def inside(self) -> Iterator[None]:
        """This thread, the processes and the threads it starts are on the host."""
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        _call(_libc.setns, self.namespace, CLONE_NEWNET)
        try:
            yield
        finally:
            _call(_libc.setns, before, CLONE_NEWNET)
            os.close(before)


@dataclass
class Switch:
    """Passes frames on. What is between two hosts is said per direction, as pairs of their numbers."""

    hosts: list[Host]
    cut: set[tuple[int, int]] = field(default_factory=set)
    loss: float = 0.0  # of all frames
    delay_sec: float = 0.0
    jitter_sec: float = 0.0

    def __post_init__(self) -> None:
        self._done = threading.Event()
        self._late: list[tuple[float, int, int, bytes]] = []
        self._count = 0
        self._chance = random.Random(5)
        self._thread = threading.Thread(target=self._work, daemon=True)

    @contextmanager
    def running(self) -> Iterator[Switch]:
        self._thread.start()
        try:
            yield self
        finally:
            self._done.set()
            self._thread.join(5)

    @contextmanager
    def cutting(self, *pairs: tuple[int, int]) -> Iterator[None]:
        """Nothing passes from the first to the second of each pair."""
        self.cut |= set(pairs)
        try:
            yield
        finally:
            self.cut -= set(pairs)

    @contextmanager
    def poor(self, *, loss: float, delay_sec: float) -> Iterator[None]:
        """Frames are lost and late, each by another time, so that they overtake one another."""
        self.loss, self.delay_sec, self.jitter_sec = loss, delay_sec, delay_sec
        try:
            yield
        finally:
            self.loss = self.delay_sec = self.jitter_sec = 0.0

    def _work(self) -> None:
        taps = {host.tap: host.number for host in self.hosts}
        while not self._done.is_set():
            wait_sec = min(IDLE_SEC, max(0.0, self._late[0][0] - time.monotonic())) if self._late else IDLE_SEC
            for tap in select.select(list(taps), [], [], wait_sec)[0]:
                with contextlib.suppress(BlockingIOError):
                    self._pass_on(taps[tap], os.read(tap, FRAME))
            while self._late and self._late[0][0] <= time.monotonic():
                _, _, target, frame = heapq.heappop(self._late)
                self._write(target, frame)

    def _pass_on(self, source: int, frame: bytes) -> None:
        for target in range(len(self.hosts)):
            meant = frame[0] & BROADCAST_BIT or frame[5] == target + 1
            if target == source or not meant or (source, target) in self.cut:
                continue
            if self.loss and self._chance.random() < self.loss:
                continue
            if self.delay_sec or self.jitter_sec:
                self._count += 1
                at = time.monotonic() + self.delay_sec + self._chance.random() * self.jitter_sec
                heapq.heappush(self._late, (at, self._count, target, frame))
            else:
                self._write(target, frame)

    def _write(self, target: int, frame: bytes) -> None:
        with contextlib.suppress(OSError):  # a full queue drops, as a switch does
            os.write(self.hosts[target].tap, frame)


@contextmanager
def running_hosts(count: int) -> Iterator[Switch]:
    """Hosts 10.77.0.1 and up, joined by a switch; skips where that isn't permitted."""
    if shutil.which("ip") is None or not os.path.exists("/dev/net/tun") or os.geteuid() != 0:  # noqa: PTH110 - a device
        pytest.skip("network namespaces need Linux, root, iproute2 and /dev/net/tun")
    hosts: list[Host] = []
    try:
        hosts.extend(map(_made, range(count)))
        with Switch(hosts).running() as switch:
            yield switch
    finally:
        for host in hosts:
            os.close(host.tap)
            os.close(host.namespace)


def _made(number: int) -> Host:
    """A namespace is made by a thread of its own, since a thread moves into what it makes."""
    made: list[Host] = []
    failures: list[OSError] = []

    def make() -> None:
        try:
            _call(_libc.unshare, CLONE_NEWNET)
            namespace = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
            tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", b"tap0", IFF_TAP | IFF_NO_PI))
            host = Host(number, namespace, tap)
            for command in (
                "link set lo up",
                f"link set tap0 address 02:77:00:00:00:{number + 1:02x}",
                f"addr add {host.address}/24 dev tap0",
                "link set tap0 up",
            ):
                subprocess.run(["ip", *command.split()], check=True, capture_output=True, timeout=10)
            made.append(host)
        except OSError as failure:
            failures.append(failure)

    thread = threading.Thread(target=make)
    thread.start()
    thread.join(30)
    if failures:
        pytest.skip(f"network namespaces aren't permitted here: {failures[0]}")
    assert made, "the namespace was not made"
    return made[0]


def _call(function: ctypes._NamedFuncPointer, *arguments: int) -> None:
    if function(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
