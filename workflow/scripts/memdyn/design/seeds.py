"""Every random number of a study comes from a seed made here, from what it is for.

Never from the run, so that runs are paired by model. The null control is the one exception: nothing pairs it with
another run, and its tests are independent only if each run has swaps of its own.
"""

import hashlib
import json


def derive_seed(*parts: int | str) -> int:
    """A 63-bit seed from (seed, pool, model or pair, purpose, ...), the same on any machine.

    Different parts, or parts in another order, give unrelated seeds; 1 and "1" differ.

    Raises:
        TypeError: for anything but whole numbers and strings, whose text is unambiguous.
    """
    for part in parts:
        if type(part) not in (int, str):
            raise TypeError(
                f"a seed is derived from whole numbers and strings, not from {type(part).__name__} {part!r}"
            )
    canonical = json.dumps(parts, separators=(",", ":"), ensure_ascii=True)
    return int.from_bytes(hashlib.sha256(canonical.encode("ascii")).digest()[:8], "big") >> 1
