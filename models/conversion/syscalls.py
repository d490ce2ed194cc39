"""What a process forbids itself before it reads a foreign file: a seccomp filter, in BPF.

The sandbox hides files, network and processes. This takes away the calls with which code gets out
of sandboxes: new processes and programs, sockets, namespaces and mounts, tracing, keys, kernel
interfaces with a history of faults. Threads may be started: torch needs them.

Numbers are of linux/arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys

# Forbidden everywhere, under its number on x86-64 and on arm64; None where it does not exist.
FORBIDDEN = {
    "execve": (59, 221),
    "execveat": (322, 281),
    "fork": (57, None),
    "vfork": (58, None),
    "socket": (41, 198),
    "socketpair": (53, 199),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "unshare": (272, 97),
    "setns": (308, 268),
    "chroot": (161, 51),
    "pivot_root": (155, 41),
    "mount": (165, 40),
    "umount2": (166, 39),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "open_tree_attr": (467, 467),
    "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
}
CLONE, CLONE3, SECCOMP = (56, 220), (435, 435), (317, 277)
AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

_LOAD, _EQUAL, _AT_LEAST, _AND, _RETURN = 0x20, 0x15, 0x35, 0x54, 0x06  # BPF operations
_ALLOW, _KILL, _FAIL = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER, _ARCH, _FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data
_X32 = 0x40000000  # the other numbering of x86-64
_CLONE_THREAD = 0x00010000
_CLONE_NAMESPACES = 0x7E020000
_NO_NEW_PRIVILEGES = 38  # of prctl
_SET_FILTER, _ALL_THREADS = 1, 1  # of seccomp


def _does(operation: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("<HBBI", operation, if_true, if_false, value)


def program(machine: str) -> bytes:
    """The filter for `machine`, "x86_64" or "aarch64", as an array of struct sock_filter.

    Raises:
        KeyError: the numbers of that machine's calls are not known.

    """
    architecture = AUDIT_ARCH[machine]
    column = list(AUDIT_ARCH).index(machine)
    fails = [_does(_RETURN, _FAIL | errno.EPERM)]
    lines = [_does(_LOAD, _ARCH), _does(_EQUAL, architecture, 1), _does(_RETURN, _KILL)]
    lines += [_does(_LOAD, _NUMBER), _does(_AT_LEAST, _X32, 0, 1), _does(_RETURN, _KILL)]
    for numbers in FORBIDDEN.values():
        if (number := numbers[column]) is not None:
            lines += [_does(_EQUAL, number, 0, 1), *fails]
    # The C library tries clone3, whose arguments no filter can see, and then clone.
    lines += [_does(_EQUAL, CLONE3[column], 0, 1), _does(_RETURN, _FAIL | errno.ENOSYS)]
    wanted = _CLONE_THREAD | _CLONE_NAMESPACES
    lines += [_does(_EQUAL, CLONE[column], 0, 4), _does(_LOAD, _FIRST_ARGUMENT)]
    lines += [_does(_AND, wanted), _does(_EQUAL, _CLONE_THREAD, 1), *fails]
    return b"".join([*lines, _does(_RETURN, _ALLOW)])


def known() -> bool:
    """Whether there is a filter for this machine."""
    return sys.platform == "linux" and platform.machine() in AUDIT_ARCH


def forbid() -> None:
    """Apply the filter to every thread of this process, and those to come; there is no way back.

    Raises:
        OSError: this machine has no such filter, or its calls are not known.

    """
    if not known():
        machine = f"{sys.platform} on {platform.machine()}"
        raise OSError(errno.ENOSYS, f"no seccomp filter for {machine}")
    machine = platform.machine()
    lines = program(machine)
    kept = ctypes.create_string_buffer(lines, len(lines))
    # struct sock_fprog: the number of lines, and where they are.
    described = struct.pack("HP", len(lines) // 8, ctypes.addressof(kept))
    one, nothing = ctypes.c_ulong(1), ctypes.c_ulong(0)
    library = ctypes.CDLL(None, use_errno=True)
    number = ctypes.c_long(SECCOMP[list(AUDIT_ARCH).index(machine)])
    # prctl would leave the threads alone that run already, as numpy's do.
    flags = ctypes.c_ulong(_ALL_THREADS)
    if library.prctl(_NO_NEW_PRIVILEGES, one, nothing, nothing, nothing) or library.syscall(
        number, ctypes.c_ulong(_SET_FILTER), flags, ctypes.c_char_p(described)
    ):
        failure = ctypes.get_errno()
        raise OSError(failure, f"no seccomp filter: {os.strerror(failure)}")
