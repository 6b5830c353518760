"""Freed memory stays with the process: every batch, and every refit of an attack, needs the same memory again."""

import ctypes

# of glibc's malloc.h; blocks above the second come from the system one by one (32 MiB is the most that it allows)
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_ALL, _LARGE = 2**31 - 1, 32 * 2**20


def keep_freed_memory() -> bool:
    """Tells glibc not to hand freed blocks of up to 32 MiB back to the system, which gives them back page by page.

    Without it up to a sixth of the time of attacks, and at times half of the time of scoring, was page faults.

    Returns:
        whether the C library has such a setting (musl and macOS have none; they stay as they are).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and all(
        mallopt(option, value) for option, value in ((_M_MMAP_THRESHOLD, _LARGE), (_M_TRIM_THRESHOLD, _ALL))
    )
