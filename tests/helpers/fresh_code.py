"""Code that was edited within a process: digests read each file once in a process."""

from memdyn.identity import digest


def forget_code() -> None:
    for each in vars(digest).values():  # with what it imports of `memdyn.own`
        if hasattr(each, "cache_clear"):
            each.cache_clear()
