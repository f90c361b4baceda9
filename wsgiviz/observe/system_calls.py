"""In which system call a thread is (/proc/PID/task/TID/syscall, proc(5)), by name, and what that means. Linux only.

The numbers are those of x86-64 and of the generic table that aarch64 and riscv64 use
(arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h of the kernel); elsewhere a call has a
number and no name. It takes the right to trace the process (ptrace(2)).
"""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass

X86_64 = {
    0: "read", 1: "write", 7: "poll", 17: "pread64", 19: "readv", 20: "writev", 23: "select", 34: "pause",
    35: "nanosleep", 40: "sendfile", 42: "connect", 43: "accept", 44: "sendto", 45: "recvfrom", 46: "sendmsg",
    47: "recvmsg", 61: "wait4", 72: "fcntl", 73: "flock", 74: "fsync", 75: "fdatasync", 202: "futex",
    219: "restart_syscall", 230: "clock_nanosleep", 232: "epoll_wait", 247: "waitid", 257: "openat",
    270: "pselect6", 271: "ppoll", 281: "epoll_pwait", 288: "accept4", 441: "epoll_pwait2",
}  # fmt: skip
GENERIC = {
    63: "read", 64: "write", 67: "pread64", 65: "readv", 66: "writev", 71: "sendfile", 203: "connect", 202: "accept",
    206: "sendto", 207: "recvfrom", 211: "sendmsg", 212: "recvmsg", 260: "wait4", 25: "fcntl", 32: "flock",
    82: "fsync", 83: "fdatasync", 98: "futex", 128: "restart_syscall", 115: "clock_nanosleep", 101: "nanosleep",
    22: "epoll_pwait", 95: "waitid", 56: "openat", 72: "pselect6", 73: "ppoll", 242: "accept4", 441: "epoll_pwait2",
}  # fmt: skip
NAMES = {"x86_64": X86_64, "aarch64": GENERIC, "riscv64": GENERIC}.get(platform.machine(), {})

OF_A_DESCRIPTOR = frozenset({
    "read", "write", "pread64", "readv", "writev", "connect", "accept", "accept4", "sendto", "recvfrom", "sendmsg",
    "recvmsg", "fcntl", "flock", "fsync", "fdatasync",
})  # fmt: skip
"""Calls whose first argument is the file descriptor that they wait for."""

POLLS = frozenset({"poll", "ppoll"})
"""A socket with a timeout is polled before it is read from: Python does so for any."""

LOOPS_WAIT = frozenset({"epoll_wait", "epoll_pwait", "epoll_pwait2"})

MEANINGS = {
    "clock_nanosleep": "sleeps for a time", "nanosleep": "sleeps for a time", "futex": "waits for a lock",
    "flock": "waits for a file lock", "fcntl": "waits for a file lock", "connect": "connects to another server",
    "wait4": "waits for a child process", "waitid": "waits for a child process", "fsync": "waits for the disk",
    "fdatasync": "waits for the disk", "epoll_wait": "waits for events", "epoll_pwait": "waits for events",
    "epoll_pwait2": "waits for events", "select": "waits for sockets", "pselect6": "waits for sockets",
    "poll": "waits for a socket", "ppoll": "waits for a socket", "accept": "waits for a connection",
    "accept4": "waits for a connection", "recvfrom": "waits for data from a socket",
    "recvmsg": "waits for data from a socket", "sendto": "waits to send to a socket",
    "sendmsg": "waits to send to a socket", "sendfile": "waits to send a file", "read": "reads", "readv": "reads",
    "write": "writes", "writev": "writes", "pause": "waits for a signal",
    "restart_syscall": "waits on, having been interrupted",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SystemCall:
    """``name`` as in its manual page ("call 499" where it has none here); ``fd``: the descriptor that it is about,
    None where it is about none, or several. ``polls_at``: where in the process's memory stands which one it polls,
    of a poll(2) of just one; 0 otherwise."""

    name: str
    fd: int | None = None
    polls_at: int = 0

    @property
    def meaning(self) -> str:
        """ "waits for a lock", or "" where it is not one of the usual ones."""
        return MEANINGS.get(self.name, "")


def system_call(syscall: str) -> SystemCall | None:
    """What a syscall file says; None where the thread is in none, or the file says something else."""
    number, _, rest = syscall.partition(" ")
    if not number.isascii() or not number.isdigit() or len(number) > 6:
        return None
    name = NAMES.get(int(number), f"call {number}")
    try:
        first, second, *_ = (int(argument, 16) for argument in rest.split()[:2])
    except ValueError:
        return SystemCall(name)
    if name in POLLS:
        return SystemCall(name, None, first if second == 1 and 0 < first < 1 << 63 else 0)
    known = name in OF_A_DESCRIPTOR and 0 <= first < 1 << 31
    return SystemCall(name, first if known else None)


def polled(pid: int, call: SystemCall) -> SystemCall:
    """The same with its ``fd``, where it polls just one. Source: the process's memory (struct pollfd of poll(2))."""
    if not call.polls_at:
        return call
    try:
        memory = os.open(f"/proc/{pid}/mem", os.O_RDONLY | os.O_CLOEXEC)
        try:
            fd = int.from_bytes(os.pread(memory, 4, call.polls_at), sys.byteorder, signed=True)
        finally:
            os.close(memory)
    except (OSError, OverflowError):
        return call
    return SystemCall(call.name, fd if fd >= 0 else None)
