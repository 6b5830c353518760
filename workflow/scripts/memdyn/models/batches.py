"""Batches of one sample, which batch normalisation cannot train on where it has one value a channel; torch-free."""


def has_single(members: int, batch_size: int) -> bool:
    """Whether an epoch has a batch of one sample: the last one, or each."""
    return batch_size == 1 or members % batch_size == 1


def misfit(members: int, batch_size: int, why: str) -> str:
    """What to say of a batch size for which `has_single`, with the nearest sizes that leave no single sample."""
    what = "each batch has" if batch_size == 1 else f"the last of {-(-members // batch_size)} batches has"
    below = next((size for size in range(batch_size - 1, 1, -1) if not has_single(members, size)), None)
    above = next((size for size in range(batch_size + 1, members + 1) if not has_single(members, size)), None)
    near = " and ".join(str(size) for size in (below, above) if size)
    return (
        f"batch_size = {batch_size}: of {members} members (half of pool.parts.scored) {what} 1 sample, {why}; "
        f"allowed: {f'other sizes, the nearest are {near}' if near else 'more members'}"
    )
