"""The nearest point of another label, from decisions alone: HopSkipJump (Chen, Jordan & Wainwright 2020), batched.

A point on the edge of another label walks along the edge towards the input. Each step (algorithm 2 of the paper, L2)
estimates the edge's normal there from the decisions at random points around it (equations 15 and 16), goes along it by
the distance over the root of the step's number, half as far until that is another label still, and comes back to the
edge by bisections of the segment to the input (algorithm 1). What differs from the paper:

- The radius of the random points is .03 of the distance, whatever the dimension, and bisections end at a thousandth of
  the segment. The paper's radius, the distance over the dimension, needs finer ones the more pixels there are.
- A step that ends farther away is not taken.
- Directions are the same for all inputs and models, so that nothing depends on who passes with whom.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import sqrt

import torch
from torch import Tensor

from memdyn.design.seeds import derive_seed
from memdyn.probes.level_search import Box

Decision = Callable[[Tensor, Tensor], Tensor]
"""(points [k, ...], rows [k]) -> bool [k]: whether a point has another label than the input of its row."""

RADIUS = 0.03  # of the random points, of the distance
BISECTIONS, HALVINGS = 10, 4  # a step, the latter at most
STEPS = 0.4  # of them, times the root of the queries
FEWEST_QUERIES = 100
_TINY = 1e-30


@dataclass(frozen=True)
class Schedule:
    """How the queries are spent.

    Attributes:
        points: random ones of each step; as in the paper, the root of its number times those of the first.
    """

    points: tuple[int, ...]

    @classmethod
    def of(cls, queries: int) -> "Schedule":
        """Of at most so many queries an input, bisections from the starting point among them.

        Raises:
            ValueError: for too few.
        """
        if queries < FEWEST_QUERIES:
            raise ValueError(f"queries = {queries}; allowed: at least {FEWEST_QUERIES}")
        steps = round(STEPS * sqrt(queries))
        left = queries - BISECTIONS - steps * (BISECTIONS + HALVINGS)
        share = left / sum(map(sqrt, range(1, steps + 1)))
        return cls(tuple(int(share * sqrt(step)) for step in range(1, steps + 1)))


def nearest_of_another_label(
    differs: Decision, inputs: Tensor, starts: Tensor, box: Box, queries: int, at_once: int
) -> Tensor:
    """The L2 distance of each input to the nearest point of another label that is found.

    A point of another label lies there, so that it is an upper bound of the distance to the edge.

    Args:
        differs: asked about at most `at_once` points at a time.
        inputs: float32 [n, ...], inside the box.
        starts: the same shape, points of another label.
        box: the lower and the upper bound of every value; None: no bounds.
        queries: of an input, at most.

    Returns:
        float32 [n].
    """
    search = _Search(differs, inputs, starts, box, at_once)
    search.bisect(torch.arange(len(inputs), device=inputs.device), search.near)
    for step, count in enumerate(Schedule.of(queries).points, start=1):
        search.step(step, count)
    return search.length


class _Search:
    """The search over a batch.

    Attributes:
        near: [n, d], the nearest points of another label so far.
        length: [n], how far they are.
    """

    def __init__(self, differs: Decision, inputs: Tensor, starts: Tensor, box: Box, at_once: int) -> None:
        self.differs, self.inputs, self.box, self.at_once = differs, inputs, box, at_once
        self.flat, self.near = inputs.flatten(1), starts.flatten(1).clone()
        self.length = (self.near - self.flat).norm(dim=1)

    def step(self, number: int, count: int) -> None:
        """Along the edge, and back to it."""
        rows = torch.arange(len(self.flat), device=self.flat.device)
        normal, size = self.normal(number, count), self.length / sqrt(number)
        tried = torch.empty_like(self.near)
        for _ in range(HALVINGS):
            tried[rows] = self._inside(self.near[rows] + size[rows, None] * normal[rows])
            fails = ~self._asked(tried[rows], rows)
            rows, size = rows[fails], size / 2
            if not len(rows):
                break
        found = torch.ones(len(self.flat), dtype=torch.bool, device=self.flat.device)
        found[rows] = False
        rows = found.nonzero().squeeze(1)
        self.bisect(rows, tried[rows])

    def bisect(self, rows: Tensor, points: Tensor) -> None:
        """From points [r, d] of another label towards the inputs of their rows; keeps what is nearer than before."""
        start = self.flat[rows]
        low, high = torch.zeros_like(self.length[rows]), torch.ones_like(self.length[rows])
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            other = self._asked(torch.lerp(start, points, middle.unsqueeze(1)), rows)
            low, high = torch.where(other, low, middle), torch.where(other, middle, high)
        ends = torch.lerp(start, points, high.unsqueeze(1))
        length = (ends - start).norm(dim=1)
        nearer = length < self.length[rows]
        self.near[rows[nearer]], self.length[rows[nearer]] = ends[nearer], length[nearer]

    def normal(self, number: int, count: int) -> Tensor:
        """The edge's normals [n, d] at the nearest points, on the side of the other label, from so many decisions."""
        radius = (RADIUS * self.length).unsqueeze(1)
        moves, others = torch.zeros_like(self.near), torch.zeros_like(self.near)
        votes = torch.zeros_like(self.length)
        everyone = torch.arange(len(self.near), device=self.near.device)
        for direction in directions(number, count, self.near.shape[1]):
            points = self._inside(self.near + radius * direction.to(self.near))
            vote = 2 * self._asked(points, everyone).float() - 1
            points -= self.near
            moves += points
            others += vote.unsqueeze(1) * points
            votes += vote
        found = others - (votes / count).unsqueeze(1) * moves
        alike = votes.abs() == count  # all are of one side: then the mean move is all that is known
        found[alike] = others[alike]
        return found / found.norm(dim=1, keepdim=True).clamp(min=_TINY)

    def _asked(self, points: Tensor, rows: Tensor) -> Tensor:
        """bool [r], in parts."""
        shape = self.inputs.shape[1:]
        pairs = zip(points.split(self.at_once), rows.split(self.at_once), strict=True)
        return torch.cat([self.differs(part.view(-1, *shape), own) for part, own in pairs])

    def _inside(self, points: Tensor) -> Tensor:
        return points.clamp(*self.box) if self.box else points


def directions(step: int, count: int, size: int) -> Iterator[Tensor]:
    """So many random unit vectors [size], drawn on the CPU: the same for every device, input and model."""
    draw = torch.Generator().manual_seed(derive_seed("boundary distance", step))
    for _ in range(count):
        direction = torch.randn(size, generator=draw)
        yield direction / direction.norm()
