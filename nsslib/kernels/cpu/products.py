"""Matrix products of packed couplings with panels of chains: the hot loop of a force evaluation.

Chains lie in panels (panel, unit, lane): `LANES` neighbouring chains share a cache line, and
everything elementwise runs along them. Couplings are packed into blocks of rows, so that a
product reads both operands in order. Each element is one fused multiply-add after another along
k: its bits depend neither on the vector width nor on how chains are grouped.

On processors with AVX2 or AVX-512 a register block is written out as vector instructions; elsewhere
the same sums are left to the compiler.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding as llvm
import numba
import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray


def _vector_bytes() -> int:
    """Width of the vector instructions that numba compiles for: the host's, or NUMBA_CPU_FEATURES."""
    named = numba.config.CPU_FEATURES  # type: ignore[attr-defined]
    if named is None:
        has = llvm.get_host_cpu_features()
    else:
        has = {word[1:]: word[0] == "+" for word in named.split(",") if word}
    return 64 if has.get("avx512f") else 32 if has.get("avx2") and has.get("fma") else 0


VECTOR_BYTES = _vector_bytes()

LANES = 32 if VECTOR_BYTES == 64 else 16
"""Chains of a panel."""

ROWS = 6
"""Rows of a block."""

_AT_ONCE = 4 if VECTOR_BYTES == 64 else 2
"""Vectors of lanes in one pass over k: `ROWS` times as many sums fill the registers, and not more."""


def pack(J: NDArray[np.floating]) -> NDArray[np.floating]:
    """Pack a matrix (N, N) into blocks (block, k, row); missing rows of the last block are zero."""
    N = len(J)
    blocks = -(-N // ROWS)
    padded = np.zeros((blocks * ROWS, N), J.dtype)
    padded[:N] = J
    return np.ascontiguousarray(padded.reshape(blocks, ROWS, N).transpose(0, 2, 1))


def _block_of_vectors(typingctx: Any, J: Any, b: Any, first: Any, last: Any, F: Any, p: Any, out: Any) -> Any:
    """out[r, w] = sum_k J[b, k, r] F[p, k, w], first <= k < last, for all rows r of block b and lanes w of panel p."""
    signature = types.void(J, types.intp, types.intp, types.intp, F, types.intp, out)
    bits = F.dtype.bitwidth

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        J_array, F_array, out_array = (context.make_array(sig.args[n])(context, builder, args[n]) for n in (0, 4, 6))
        K = cgutils.unpack_tuple(builder, J_array.shape)[1]
        stride = cgutils.unpack_tuple(builder, F_array.shape)[1]
        row = _at(builder, J_array.data, args[1], K, _i64(ROWS))
        column = _at(builder, F_array.data, args[5], stride, _i64(LANES))
        width = 8 * VECTOR_BYTES // bits
        for lane in range(0, LANES, _AT_ONCE * width):
            lanes = range(lane, min(lane + _AT_ONCE * width, LANES), width)
            _sum_over_k(builder, bits, width, lanes, row, column, args[2:4], out_array.data)
        return context.get_dummy_value()

    return signature, generate


_i64 = ir.IntType(64)


def _at(builder: Any, pointer: Any, *factors: Any) -> Any:
    """Pointer moved by a product of integers."""
    offset = _i64(1)
    for factor in factors:
        offset = builder.mul(offset, factor)
    return builder.gep(pointer, [offset])


def _sum_over_k(
    builder: Any, bits: int, width: int, lanes: range, row: Any, column: Any, span: Any, out: Any
) -> None:  # fmt: skip
    """Write the loop over the span of k for some vectors of lanes, all sums in registers."""
    element = ir.DoubleType() if bits == 64 else ir.FloatType()
    vector, i32 = ir.VectorType(element, width), ir.IntType(32)
    zero, undefined = ir.Constant(vector, [0.0] * width), ir.Constant(vector, ir.Undefined)
    everywhere = ir.Constant(ir.VectorType(i32, width), [0] * width)
    fma = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(vector, [vector] * 3), f"llvm.fma.v{width}f{bits}"
    )  # fmt: skip
    before = builder.block
    loop, after = builder.append_basic_block("k"), builder.append_basic_block("store")
    builder.branch(loop)
    builder.position_at_end(loop)
    k = builder.phi(_i64)
    sums = [[builder.phi(vector) for _ in lanes] for _ in range(ROWS)]
    F_k, J_k = _at(builder, column, k, _i64(LANES)), _at(builder, row, k, _i64(ROWS))
    F_lanes = [builder.load(_vector(builder, F_k, w, vector), align=bits // 8) for w in lanes]
    following = builder.add(k, _i64(1))
    k.add_incoming(span[0], before)
    k.add_incoming(following, loop)
    for r in range(ROWS):
        coupling = builder.insert_element(undefined, builder.load(builder.gep(J_k, [_i64(r)])), i32(0))
        coupling = builder.shuffle_vector(coupling, undefined, everywhere)
        for v, F_vector in enumerate(F_lanes):
            total = builder.call(fma, [coupling, F_vector, sums[r][v]])
            sums[r][v].add_incoming(zero, before)
            sums[r][v].add_incoming(total, loop)
            sums[r][v] = total
    builder.cbranch(builder.icmp_signed("<", following, span[1]), loop, after)
    builder.position_at_end(after)
    for r in range(ROWS):
        for w, total in zip(lanes, sums[r], strict=True):
            builder.store(total, _vector(builder, out, r * LANES + w, vector), align=bits // 8)


def _vector(builder: Any, pointer: Any, offset: int, vector: Any) -> Any:
    return builder.bitcast(builder.gep(pointer, [_i64(offset)]), vector.as_pointer())


@njit(fastmath={"contract"}, error_model="numpy")
def block_of_loops(J, b, first, last, F, p, out):
    """The same sums as plain loops."""
    out[:] = 0
    for k in range(first, last):
        for r in range(ROWS):
            for w in range(LANES):
                out[r, w] += J[b, k, r] * F[p, k, w]


block: Any = intrinsic(_block_of_vectors) if VECTOR_BYTES else block_of_loops
"""block(J, b, first, last, F, p, out): out = rows of block b of the packed J times panel p of F.

The sum runs over first <= k < last, at least one k: all, or what a triangular matrix has there.
"""
