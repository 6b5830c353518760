"""The nearest point at which a function of a network's input crosses zero: decoupled direction and norm, in a box.

The search is that of Rony et al. 2019, "Decoupling Direction and Norm", for any function in the place of a loss: each
step turns the direction downhill and then sets the length, shorter where the last point had crossed and longer where it
had not. It starts from the first-order solution, whose length fits every level and every network, and ends with
bisections of the segment to the best point.
"""

from collections.abc import Callable

import torch
from torch import Tensor

Function = Callable[[Tensor, Tensor], Tensor]
"""(inputs [b, ...], rows [b]) -> values [b] of the samples in these rows, each of its own input alone."""

Box = tuple[float, float] | None
NORMS = ("l2", "linf")

STEPS, BISECTIONS = 20, 6
FACTORS = (0.3, 0.02)  # by which the length changes, in the first and in the last step
TURNS = (1.0, 0.05)  # how far the direction turns: the step downhill, in units of the length
TOLERANCE = 1e-5  # of the way to zero: so near counts as crossed, or rounding would hide an exact solution
NEAR, SQUARE = (
    1e-3,
    1e-4,
)  # finished: so near to zero, and so nearly the shortest way to the plane that touches it there
_TINY = 1e-30


def nearest_crossing(function: Function, inputs: Tensor, norm: str, box: Box) -> Tensor:
    """The signed distance of each input to the nearest zero of the function that is found.

    The best of the points found is an upper bound of the distance. Samples that are finished are not asked for again.

    Args:
        function: differentiable, of inputs in the units that distances are measured in.
        inputs: float32 [n, ...], inside the box.
        norm: "l2" or "linf".
        box: the lower and the upper bound of every value; None: no bounds.

    Returns:
        float32 [n]: the length of the shortest way found, with the sign of the function at the start; infinite with
        that sign where none was found, and 0 where the function is 0.

    Raises:
        ValueError: for another norm.
    """
    if norm not in NORMS:
        raise ValueError(f"unknown norm {norm!r}; allowed: {', '.join(NORMS)}")
    values, slopes = _slopes(function, inputs, torch.arange(len(inputs), device=inputs.device))
    search = _Search(function, inputs, norm, box, values.sign(), values.abs())
    rows = values.nonzero().squeeze(1)
    search.descend(rows, slopes[rows] * search.sign[rows, None])
    search.bisect(rows[search.best[rows].isfinite()])
    return torch.where(values == 0, 0.0, values.sign() * search.best)


def first_order(slopes: Tensor, heights: Tensor, norm: str, room: tuple[Tensor, Tensor] | None = None) -> Tensor:
    """The shortest moves [n, d] by which linear functions fall by their heights, exactly.

    A move along -slope (L2) or -sign(slope) (L-inf), each value cut off at the box, is optimal in its norm. How far it
    goes is a piecewise linear equation in one number, whose kinks are where values meet the box.

    Args:
        slopes: [n, d].
        heights: [n], >= 0.
        room: the lowest and the highest move of every value, [n, d] each, <= 0 and >= 0; None: no box.

    Returns:
        moves; those of a function that cannot fall so far in the box go as far as the box does.
    """
    along = -slopes if norm == "l2" else -slopes.sign()
    falls = -slopes * along  # of each value, for one unit along
    if room is None:
        return along * (heights / falls.sum(1).clamp(min=_TINY)).unsqueeze(1)
    ends = torch.where(along > 0, room[1], room[0]) / torch.where(along == 0, 1.0, along)
    ends, order = torch.where(along == 0, 0.0, ends).sort(dim=1)
    falls = falls.gather(1, order)
    rates = falls.flip(1).cumsum(1).flip(1)  # of all values together, until the next meets the box
    steps = ends.diff(dim=1, prepend=torch.zeros_like(ends[:, :1]))
    fallen = (rates * steps).cumsum(1)
    place = torch.searchsorted(fallen, heights.unsqueeze(1)).clamp(max=ends.shape[1] - 1)
    beyond = fallen.gather(1, place) - heights.unsqueeze(1)
    far = ends.gather(1, place) - beyond.clamp(min=0) / rates.gather(1, place).clamp(min=_TINY)
    return (along * far).clamp(*room)


class _Search:
    """The search over a batch; `rows` are samples that are not finished.

    Attributes:
        sign, height: [n], of the function at the start.
        best, moves: [n] and [n, d], the shortest way found, and its length.
    """

    def __init__(self, function: Function, inputs: Tensor, norm: str, box: Box, sign: Tensor, height: Tensor) -> None:
        self.function, self.inputs, self.norm, self.box = function, inputs, norm, box
        self.sign, self.height = sign, height
        self.flat = inputs.flatten(1)
        self.best = torch.full_like(height, torch.inf)
        self.moves = torch.zeros_like(self.flat)

    def descend(self, rows: Tensor, slopes: Tensor) -> None:
        """Decoupled direction and norm; keeps the shortest moves that cross."""
        moves = first_order(slopes, self.height[rows], self.norm, self._room(rows))
        length = self._length(moves)
        for step in range(STEPS):
            if not len(rows):
                return
            values, slopes = _slopes(self._function, self._points(moves, rows), rows)
            height, here = self.height[rows], self._length(moves)
            crossed = values <= TOLERANCE * height
            nearer = crossed & (here < self.best[rows])
            self.best[rows[nearer]], self.moves[rows[nearer]] = here[nearer], moves[nearer]
            left = ~(nearer & (values.abs() <= NEAR * height) & self._is_square(moves, slopes, rows))
            factor, turn = (first * (last / first) ** (step / (STEPS - 1)) for first, last in (FACTORS, TURNS))
            length = torch.where(crossed, self.best[rows] * (1 - factor), length * (1 + factor))
            rows, moves, slopes, length = (part[left] for part in (rows, moves, slopes, length))
            moves = self._turned(moves, slopes, length, turn, rows)

    def bisect(self, rows: Tensor) -> None:
        """Shortens the best moves along themselves."""
        if not len(rows):
            return
        low, high = torch.zeros_like(self.best[rows]), torch.ones_like(self.best[rows])
        with torch.no_grad():
            for _ in range(BISECTIONS):
                middle = (low + high) / 2
                values = self._function(self._points(self.moves[rows] * middle.unsqueeze(1), rows), rows)
                crossed = values <= TOLERANCE * self.height[rows]
                low, high = torch.where(crossed, low, middle), torch.where(crossed, middle, high)
        self.best[rows] *= high

    def _turned(self, moves: Tensor, slopes: Tensor, length: Tensor, turn: float, rows: Tensor) -> Tensor:
        """The moves turned downhill and set to the length, in the box."""
        wanted = length.unsqueeze(1)
        if self.norm == "l2":
            moves = _unit(_unit(moves) - turn * _unit(slopes)) * wanted
        else:
            stretched = moves * (length / self._length(moves).clamp(min=_TINY)).unsqueeze(1)
            moves = (stretched - turn * wanted * slopes.sign()).clamp(-wanted, wanted)
        room = self._room(rows)
        return moves.clamp(*room) if room else moves

    def _is_square(self, moves: Tensor, slopes: Tensor, rows: Tensor) -> Tensor:
        """Whether no shorter moves fall as far by these slopes: Hoelder's bound is met by the values inside the box."""
        room = self._room(rows)
        if room:
            free = (moves > room[0]) & (moves < room[1])
            moves, slopes = moves * free, slopes * free
        dual = slopes.norm(dim=1) if self.norm == "l2" else slopes.abs().sum(1)
        return -(moves * slopes).sum(1) >= (1 - SQUARE) * dual * self._length(moves)

    def _function(self, points: Tensor, rows: Tensor) -> Tensor:
        """That falls to 0 at the crossing, from either side."""
        return self.function(points, rows) * self.sign[rows]

    def _points(self, moves: Tensor, rows: Tensor) -> Tensor:
        points = self.inputs[rows] + moves.view(-1, *self.inputs.shape[1:])
        return points.clamp(*self.box) if self.box else points  # a sum may round to beyond a bound

    def _room(self, rows: Tensor) -> tuple[Tensor, Tensor] | None:
        return (self.box[0] - self.flat[rows], self.box[1] - self.flat[rows]) if self.box else None

    def _length(self, moves: Tensor) -> Tensor:
        return moves.norm(dim=1) if self.norm == "l2" else moves.abs().amax(1)


def _slopes(function: Function, points: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Values [b] and their gradients [b, d], float32."""
    with torch.enable_grad():
        points = points.detach().requires_grad_()
        values = function(points, rows)
        (slopes,) = torch.autograd.grad(values.sum(), points)
    return values.detach().float(), slopes.flatten(1)


def _unit(values: Tensor) -> Tensor:
    return values / values.norm(dim=1, keepdim=True).clamp(min=_TINY)
