"""without_landlock.py COMMAND...: becomes the command, for which the kernel has no Landlock."""
import ctypes
import errno
import os
import struct
import sys

PR_SET_NO_NEW_PRIVS = 38
PR_SET_SECCOMP = 22
SECCOMP_MODE_FILTER = 2
SECCOMP_RET_ALLOW = 0x7fff0000
SECCOMP_RET_ERRNO = 0x00050000
LANDLOCK_CREATE_RULESET = 444  # on every architecture
BPF_LD_W_ABS = 0x20
BPF_JEQ_K = 0x15
BPF_RET_K = 0x06


def instruction(code, jump_true, jump_false, value):
    return struct.pack("HBBI", code, jump_true, jump_false, value)


def take_landlock_away():
    """For this process and what it starts, the system call does not exist."""
    program = b"".join([instruction(BPF_LD_W_ABS, 0, 0, 0),  # the number of the system call
                        instruction(BPF_JEQ_K, 0, 1, LANDLOCK_CREATE_RULESET),
                        instruction(BPF_RET_K, 0, 0, SECCOMP_RET_ERRNO | errno.ENOSYS),
                        instruction(BPF_RET_K, 0, 0, SECCOMP_RET_ALLOW)])
    instructions = ctypes.create_string_buffer(program, len(program))
    filter_program = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(instructions))
    libc = ctypes.CDLL(None, use_errno=True)
    for words in ((PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filter_program, 0, 0)):
        if libc.prctl(*words) != 0:
            sys.exit(f"without_landlock.py: prctl: {os.strerror(ctypes.get_errno())}")


take_landlock_away()
os.execvp(sys.argv[1], sys.argv[1:])
