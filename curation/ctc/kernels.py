"""CTC Viterbi kernels: arrays in and out, compiled by numba, the global interpreter lock released.

Legend: T frames, V vocabulary, L target labels, N cells (L + 1 labels in whole chunks). Each label `l` has two states:
the label itself (row `a`) and the blank before it (row `b`). Blank `L` ends the transcript; label `L` is a dummy that
nothing reads. With `e` the emission of the frame, and repeat[l] = -inf where token[l] == token[l-1], else 0:

    a'[l] = max(a[l], b[l], a[l-1] + repeat[l]) + e[token[l]]
    b'[l] = max(b[l], a[l-1]) + e[blank]

What makes it fast:

- labels and blanks lie in two rows, so that one step is a handful of vector operations without a branch;
- a chunk of 16 labels goes through 4 frames at once: `a` and `b` stay in registers, and the one value that a chunk
  needs from its left neighbour is carried from chunk to chunk;
- emissions are looked up in registers where the vocabulary has at most 32 tokens and the CPU has AVX-512;
- there are no back-pointers: every 16 frames the rows are kept, and the way back computes again only the 16 labels
  that it can touch. The sums are formed as `torchaudio.functional.forced_align` forms them, and agree to the last bit.

The vectors are LLVM's portable ones: the same source runs, slower, on CPUs without AVX-512. All of it stands in one
file because numba's cache looks only at the file of the function it has cached.
"""
# ruff: noqa: PLR0917 - intrinsics and kernels take their arguments by position

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from llvmlite import binding, ir  # type: ignore[import-untyped]
from numba import njit
from numba.core import cgutils, config, types
from numba.extending import intrinsic
from numpy.typing import NDArray

LANES = 16  # labels in a chunk; also the frames between kept rows, because a path moves at most one label per frame
BLOCK = 4  # frames that a chunk is taken through at once
TABLE = 32  # the largest vocabulary that fits the register look-up

# Status of `align`; its second number is the position of the bad target (1) or the number of repeats (2), else 0.
OK, BAD_TARGET, TOO_LONG, NOT_FINITE, NO_PATH = 0, 1, 2, 3, 4

_OPTIONS: dict[str, Any] = {"nogil": True, "cache": True, "error_model": "numpy", "boundscheck": False}
_F32, _I32, _I64 = ir.FloatType(), ir.IntType(32), ir.IntType(64)
_LOOKUP = "llvm.x86.avx512.vpermi2var.ps.512"


class Trellis(NamedTuple):
    """What an alignment is given. The rows `a` and `b` that go with it have LANES cells of -inf before label 0."""

    log_probs: NDArray[np.float32]  # (T, V), C-contiguous
    blank: int
    wild_scores: NDArray[np.float32]  # (T,) the wildcard's emission; empty where no label is the wildcard
    tokens: NDArray[np.uint32]  # (N,)
    wild: NDArray[np.uint32]  # (N,) 1 where the label is the wildcard
    repeat: NDArray[Any]  # (N,) float32 or float64, the type of all sums


def _has_lookup() -> bool:
    """Whether code is generated for a CPU with AVX-512."""
    features = config.CPU_FEATURES
    if features is None:
        features = "" if config.CPU_NAME else binding.get_host_cpu_features().flatten()
    return "+avx512f" in features


def _vector(element: Any, lanes: int = LANES) -> Any:
    return ir.VectorType(element, lanes)


def _const(value: int) -> Any:
    return ir.Constant(_I64, value)


def _load(builder: Any, base: Any, index: Any, kind: Any) -> Any:
    pointer = builder.bitcast(builder.gep(base, [index]), kind.as_pointer())
    return builder.load(pointer, align=4)


def _store(builder: Any, value: Any, base: Any, index: Any) -> None:
    builder.store(value, builder.bitcast(builder.gep(base, [index]), value.type.as_pointer()), align=4)


def _shuffle(builder: Any, left: Any, right: Any, lanes: list[int]) -> Any:
    return builder.shuffle_vector(left, right, ir.Constant(_vector(_I32, len(lanes)), lanes))


def _splat(builder: Any, value: Any) -> Any:
    nothing = ir.Constant(_vector(value.type), ir.Undefined)
    return _shuffle(builder, builder.insert_element(nothing, value, ir.Constant(_I32, 0)), nothing, [0] * LANES)


def _larger(builder: Any, first: Any, second: Any) -> Any:
    """`second` where it is larger, else `first`: a NaN in `first` stays, which is how NaN input is noticed."""
    return builder.select(builder.fcmp_ordered(">", second, first), second, first)


def _emissions_by_insert(builder: Any, tokens: Any, rows: list[Any], offset: Any) -> list[Any]:
    """Sixteen emissions per frame, read one by one."""
    cells = [builder.gep(tokens, [builder.add(offset, _const(lane))]) for lane in range(LANES)]
    picks = [builder.zext(builder.load(cell), _I64) for cell in cells]
    out = []
    for row in rows:
        vector = ir.Constant(_vector(_F32), ir.Undefined)
        for lane, pick in enumerate(picks):
            vector = builder.insert_element(vector, builder.load(builder.gep(row, [pick])), ir.Constant(_I32, lane))
        out.append(vector)
    return out


def _emissions_by_lookup(builder: Any, tokens: Any, tables: list[tuple[Any, Any]], offset: Any) -> list[Any]:
    """Sixteen emissions per frame, permuted out of two registers that hold the frame's 32 log-probabilities."""
    vec = _vector(_F32)
    lookup = cgutils.get_or_insert_function(builder.module, ir.FunctionType(vec, [vec, _vector(_I32), vec]), _LOOKUP)
    picks = _load(builder, tokens, offset, _vector(_I32))
    return [builder.call(lookup, [low, picks, high]) for low, high in tables]


def _advance(frames: int, lookup: bool) -> Callable[..., Any]:
    """An intrinsic that takes the chunks [first, stop) of the rows `a` and `b` through `frames` frames, in place.

    Its arguments: a, b; log_probs; t the first frame; tokens, wild, repeat; extra (2 * frames,) float32, the blank's,
    then the wildcard's emission per frame; first, stop. With `lookup`, 32 values are read from the start of each frame.
    """

    @intrinsic
    def advance(
        _context: Any, a: Any, b: Any, log_probs: Any, t: Any, tokens: Any, wild: Any, repeat: Any, extra: Any,
        first: Any, stop: Any,
    ) -> Any:  # fmt: skip
        signature = types.void(a, b, log_probs, t, tokens, wild, repeat, extra, first, stop)
        return signature, lambda *call: _generate(frames, lookup and _has_lookup(), *call)

    return advance  # type: ignore[no-any-return]


def _generate(frames: int, lookup: bool, context: Any, builder: Any, signature: Any, args: Any) -> Any:
    arrays = [
        context.make_array(kind)(context, builder, value) if isinstance(kind, types.Array) else value
        for kind, value in zip(signature.args, args, strict=True)
    ]
    a, b, log_probs, t, tokens, wild, repeat, extra, first, stop = arrays
    real = ir.DoubleType() if signature.args[0].dtype == types.float64 else _F32
    vec = _vector(real)
    width = cgutils.unpack_tuple(builder, log_probs.shape)[1]
    starts = [builder.mul(builder.add(t, _const(k)), width) for k in range(frames)]
    rows = [builder.gep(log_probs.data, [start]) for start in starts]
    halves = [_const(0), _const(LANES)]
    tables = [tuple(_load(builder, row, half, _vector(_F32)) for half in halves) for row in rows] if lookup else []
    extras = [_splat(builder, builder.load(builder.gep(extra.data, [_const(k)]))) for k in range(2 * frames)]
    blanks = [builder.fpext(v, vec) if real != _F32 else v for v in extras[:frames]]
    nobody = ir.Constant(_vector(_I32), [0] * LANES)
    never = ir.Constant(vec, [float("-inf")] * LANES)
    # The chunk to the left as it stands before each frame; for the later frames nothing is wanted from outside.
    left = [cgutils.alloca_once_value(builder, never) for _ in range(frames)]
    for slot in left:
        builder.store(never, slot)
    builder.store(_load(builder, a.data, builder.mul(first, _const(LANES)), vec), left[0])
    with cgutils.for_range_slice(builder, first, stop, _const(1), intp=_I64) as (chunk, _):
        offset = builder.mul(chunk, _const(LANES))
        cell = builder.add(offset, _const(LANES))
        va, vb = _load(builder, a.data, cell, vec), _load(builder, b.data, cell, vec)
        no_repeat = _load(builder, repeat.data, offset, vec)
        is_wild = builder.icmp_unsigned("!=", _load(builder, wild.data, offset, _vector(_I32)), nobody)
        if lookup:
            emissions = _emissions_by_lookup(builder, tokens.data, tables, offset)
        else:
            emissions = _emissions_by_insert(builder, tokens.data, rows, offset)
        for k in range(frames):
            emission = builder.select(is_wild, extras[frames + k], emissions[k])
            emission = builder.fpext(emission, vec) if real != _F32 else emission
            before = _shuffle(builder, builder.load(left[k]), va, [LANES - 1 + lane for lane in range(LANES)])
            builder.store(va, left[k])
            best = _larger(builder, _larger(builder, va, vb), builder.fadd(before, no_repeat))
            vb = builder.fadd(_larger(builder, vb, before), blanks[k])
            va = builder.fadd(best, emission)
        _store(builder, va, a.data, cell)
        _store(builder, vb, b.data, cell)
    return context.get_dummy_value()


_block = _advance(BLOCK, lookup=False)
_block_lookup = _advance(BLOCK, lookup=True)
_one = _advance(1, lookup=False)
_one_lookup = _advance(1, lookup=True)


@njit(**_OPTIONS)
def _extra(problem: Trellis, t: int, frames: int, out: NDArray[np.float32]) -> None:
    """The emissions of the blank and of the wildcard, as the intrinsics take them."""
    for k in range(frames):
        out[k] = problem.log_probs[t + k, problem.blank]
        out[frames + k] = problem.wild_scores[t + k] if problem.wild_scores.size else np.float32(0)


@njit(**_OPTIONS)
def _advance_frame(problem: Trellis, t: int, a: Any, b: Any, extra: Any, low: int, stop: int) -> None:
    """One frame, chunks [low, stop)."""
    log_probs, _, _, tokens, wild, repeat = problem
    _extra(problem, t, 1, extra)
    if log_probs.shape[1] <= TABLE and t * log_probs.shape[1] + TABLE <= log_probs.size:
        _one_lookup(a, b, log_probs, t, tokens, wild, repeat, extra, low, stop)
    else:
        _one(a, b, log_probs, t, tokens, wild, repeat, extra, low, stop)


@njit(**_OPTIONS)
def forward(
    problem: Trellis,
    t0: int,
    t1: int,
    a: Any,
    b: Any,
    first: int,
    lowest: int,
    every: int,
    kept_a: Any,
    kept_b: Any,
) -> None:
    """Take the rows `a` and `b` (in place) from before frame t0 to after frame t1 - 1.

    The rows hold a window of labels that begins at label `first`; `lowest` is the window's lowest label still wanted
    after the last frame. Only chunks that can be reached from the start and can still reach the end are computed.
    Every `every` frames (a multiple of LANES) the rows as they stand before the frame are copied to kept_a and kept_b
    (rows, LANES + N).
    """
    log_probs, _, _, tokens, wild, repeat = problem
    extra, width, last = np.empty(2 * BLOCK, np.float32), log_probs.shape[1], kept_a.shape[1] - LANES - 1
    for t in range(t0, t1, BLOCK):
        low = max(0, lowest - (t1 - t)) // LANES
        stop = min(last, t + BLOCK - 1 - first) // LANES + 1
        if (t - t0) % every == 0:
            # Labels that come within reach before the next kept row are copied too, as the -inf that they are.
            row, begin = (t - t0) // every, LANES * low + LANES - 1
            end = LANES * (min(last, t + every - 1 - first) // LANES + 2)
            kept_a[row, begin:end] = a[begin:end]
            kept_b[row, begin:end] = b[begin:end]
        if t + BLOCK > t1:
            for late in range(t, t1):
                _advance_frame(problem, late, a, b, extra, low, stop)
            continue
        _extra(problem, t, BLOCK, extra)
        if width <= TABLE and (t + BLOCK - 1) * width + TABLE <= log_probs.size:
            _block_lookup(a, b, log_probs, t, tokens, wild, repeat, extra, low, stop)
        else:
            _block(a, b, log_probs, t, tokens, wild, repeat, extra, low, stop)


@njit(**_OPTIONS)
def _near(problem: Trellis, base: int, near: Trellis, row_a: Any, row_b: Any, rows_a: Any, rows_b: Any) -> None:
    """Copy the labels base + 1 .. base + LANES to `near`; these and label `base` from a kept row to row 0 of `rows`."""
    for i in range(LANES + 1):
        label = base + i
        rows_a[0, LANES - 1 + i] = row_a[LANES + label] if label >= 0 else -np.inf
        rows_b[0, LANES - 1 + i] = row_b[LANES + label] if label >= 0 else -np.inf
        if i > 0:
            near.tokens[i - 1] = problem.tokens[max(label, 0)]
            near.wild[i - 1] = problem.wild[max(label, 0)]
            near.repeat[i - 1] = problem.repeat[max(label, 0)]


@njit(**_OPTIONS)
def trace(
    problem: Trellis,
    t0: int,
    t1: int,
    kept_a: Any,
    kept_b: Any,
    first: int,
    state: int,
    states: NDArray[np.int32],
) -> int:
    """Walk back from `state` after frame t1 - 1 to frame t0, writing states[t0:t1]; returns the state before frame t0.

    State 2l + 1 is label l, state 2l the blank before it: counted from the window's first label in `state` and in the
    result, from label 0 in `states`. kept_a and kept_b come from `forward` with every=LANES.
    """
    kind = kept_a.dtype
    rows_a, rows_b = np.full((LANES + 1, 2 * LANES), -np.inf, kind), np.full((LANES + 1, 2 * LANES), -np.inf, kind)
    tokens, wild, repeat = np.zeros(LANES, np.uint32), np.zeros(LANES, np.uint32), np.zeros(LANES, kind)
    near = Trellis(problem.log_probs, problem.blank, problem.wild_scores, tokens, wild, repeat)
    extra = np.empty(2, np.float32)
    for row in range((t1 - t0 - 1) // LANES, -1, -1):
        start = t0 + row * LANES
        frames = min(LANES, t1 - start)
        base = (state >> 1) - LANES  # the label in column LANES - 1
        _near(problem, base, near, kept_a[row], kept_b[row], rows_a, rows_b)
        for k in range(frames - 1):
            rows_a[k + 1, LANES - 1 :], rows_b[k + 1, LANES:] = rows_a[k, LANES - 1 :], rows_b[k, LANES:]
            _advance_frame(near, start + k, rows_a[k + 1], rows_b[k + 1], extra, 0, 1)
        column, on_label = 2 * LANES - 1, state & 1
        for k in range(frames - 1, -1, -1):
            states[start + k] = 2 * (first + base + column - LANES + 1) + on_label
            before = rows_a[k, column - 1]
            if on_label == 0:
                if before > rows_b[k, column]:
                    column, on_label = column - 1, 1
            else:
                stay, from_blank = rows_a[k, column], rows_b[k, column]
                jump = before + near.repeat[column - LANES]
                if jump > stay and jump > from_blank:
                    column -= 1
                elif from_blank > stay:
                    on_label = 0
        state = 2 * (base + column - LANES + 1) + on_label
    return state


@njit(**_OPTIONS)
def prepare(log_probs: Any, targets: Any, blank: int, wildcard: int, constant: float, like: Any) -> Any:
    """Check the target ids and lay them out: (status, number, Trellis).

    The per-label arrays have room for the dummy label and for a window of whole chunks that begins anywhere.
    """
    count, (frames, width) = targets.size, log_probs.shape
    cells = (count // LANES + 3) * LANES
    tokens, wild, repeat = np.full(cells, blank, np.uint32), np.zeros(cells, np.uint32), np.zeros(cells, like.dtype)
    wild_scores = np.empty(0, np.float32)
    status, number, repeats, wildcards = OK, 0, 0, 0
    for i in range(count - 1, -1, -1):
        target = targets[i]
        if target == wildcard:
            wild[i] = 1
            wildcards += 1
        elif target < 0 or target >= width or target == blank:
            status, number = BAD_TARGET, i
        else:
            tokens[i] = target
        if i > 0 and target == targets[i - 1]:
            repeat[i] = -np.inf
            repeats += 1
    if status == OK and count + repeats > frames:
        status, number = TOO_LONG, repeats
    elif status == OK and wildcards:
        wild_scores = _best_token(log_probs, blank) if np.isnan(constant) else np.full(frames, constant, np.float32)
    return status, number, Trellis(log_probs, blank, wild_scores, tokens, wild, repeat)


@njit(**_OPTIONS)
def _best_token(log_probs: NDArray[np.float32], blank: int) -> NDArray[np.float32]:
    """Per frame the largest log-probability of a token that is not the blank: (T, V) -> (T,). A NaN is the largest."""
    out = np.full(log_probs.shape[0], -np.inf, np.float32)
    for t in range(log_probs.shape[0]):
        for v in range(log_probs.shape[1]):
            if v != blank and not (log_probs[t, v] <= out[t] or np.isnan(out[t])):
                out[t] = log_probs[t, v]
    return out


@njit(**_OPTIONS)
def first_rows(count: int, like: Any) -> Any:
    """The rows `a` and `b` before frame 0 for `count` labels: nothing but the blank before label 0 is possible."""
    size = LANES + (count // LANES + 1) * LANES
    a, b = np.full(size, -np.inf, like.dtype), np.full(size, -np.inf, like.dtype)
    b[LANES] = 0
    return a, b


@njit(**_OPTIONS)
def last_state(a: NDArray[Any], b: NDArray[Any], count: int) -> tuple[int, int]:
    """The best final state, as in `trace`, and a status: a cell keeps any NaN or +inf that it met, so the rows tell."""
    for i in range(LANES + count + 1):
        if not (a[i] < np.inf and b[i] < np.inf):
            return 0, NOT_FINITE
    on_blank, on_label = b[LANES + count], a[LANES + count - 1]
    if on_blank == -np.inf and on_label == -np.inf:
        return 0, NO_PATH
    return (2 * count if on_blank > on_label else 2 * count - 1), OK


@njit(**_OPTIONS)
def finish(problem: Trellis, targets: NDArray[np.int64], states: NDArray[np.int32]) -> Any:
    """States (T,) -> path int32, scores float32, both (T,); starts, ends int32, mean score per label float32, (L,)."""
    frames, count = states.size, targets.size
    path, scores = np.empty(frames, np.int32), np.empty(frames, np.float32)
    starts, ends = np.zeros(count, np.int32), np.zeros(count, np.int32)
    sums = np.zeros(count, np.float64)
    for t in range(frames):
        label = states[t] >> 1
        token = targets[label] if states[t] & 1 else problem.blank
        path[t] = token
        is_wild = states[t] & 1 and problem.wild[label]
        scores[t] = problem.wild_scores[t] if is_wild else problem.log_probs[t, token]
        if states[t] & 1:
            if ends[label] == 0:
                starts[label] = t
            ends[label] = t + 1
            sums[label] += scores[t]
    return path, scores, starts, ends, (sums / np.maximum(ends - starts, 1)).astype(np.float32)


@njit(**_OPTIONS)
def align(log_probs: Any, targets: Any, blank: int, wildcard: int, constant: float, like: Any) -> Any:
    """A whole alignment in one call: status, its number, and what `finish` returns (no frames unless the status is OK).

    `constant` is the wildcard's log-probability, NaN for the best token that is not the blank; `like` an empty array of
    the type of the sums.
    """
    frames, count = log_probs.shape[0], targets.size
    status, number, problem = prepare(log_probs, targets, blank, wildcard, constant, like)
    states = np.empty(frames if status == OK else 0, np.int32)
    if status == OK:
        a, b = first_rows(count, like)
        rows = (frames + LANES - 1) // LANES
        kept_a, kept_b = np.empty((rows, a.size), like.dtype), np.empty((rows, a.size), like.dtype)
        forward(problem, 0, frames, a, b, 0, count - 1, LANES, kept_a, kept_b)
        state, status = last_state(a, b, count)
        if status == OK:
            trace(problem, 0, frames, kept_a, kept_b, 0, state, states)
        else:
            states = states[:0]
    return status, number, finish(problem, targets, states)
