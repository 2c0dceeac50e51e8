"""Matrix products of packed couplings with panels of chains: the hot loop of a force evaluation.

Chains lie in panels (panel, unit, lane): `LANES` neighbouring chains share a cache line, and
everything elementwise runs along them. Couplings are packed into blocks of `ROWS` rows, so that a
product reads both operands in order. Each element is one fused multiply-add after another along
k: its bits depend neither on the vector width nor on how chains are grouped.

On processors with AVX2 or AVX-512 a register block is written out as vector instructions; elsewhere
the same sums are left to the compiler.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

_FEATURES = llvm.get_host_cpu_features()
VECTOR_BYTES = 64 if _FEATURES.get("avx512f") else 32 if _FEATURES.get("avx2") and _FEATURES.get("fma") else 0

LANES = 32 if VECTOR_BYTES == 64 else 16
"""Chains of a panel."""

ROWS = 6 if VECTOR_BYTES == 64 else 3
"""Rows of a block: with `LANES` float64 columns its sums fill the vector registers."""


def pack(J: NDArray[np.floating]) -> NDArray[np.floating]:
    """Pack a matrix (N, N) into blocks (block, k, row); missing rows of the last block are zero."""
    N = len(J)
    blocks = -(-N // ROWS)
    padded = np.zeros((blocks * ROWS, N), J.dtype)
    padded[:N] = J
    return np.ascontiguousarray(padded.reshape(blocks, ROWS, N).transpose(0, 2, 1))


def _block_of_vectors(typingctx: Any, J: Any, b: Any, F: Any, p: Any, out: Any) -> Any:
    """out[r, w] = sum_k J[b, k, r] F[p, k, w] for all rows r of block b and lanes w of panel p."""
    signature = types.void(J, types.intp, F, types.intp, out)
    bits = F.dtype.bitwidth
    element = ir.DoubleType() if bits == 64 else ir.FloatType()
    width = 8 * VECTOR_BYTES // bits
    vectors = LANES // width
    vector, i32, i64 = ir.VectorType(element, width), ir.IntType(32), ir.IntType(64)
    undefined = ir.Constant(vector, ir.Undefined)
    everywhere = ir.Constant(ir.VectorType(i32, width), [0] * width)

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        J_array, F_array, out_array = (context.make_array(sig.args[n])(context, builder, args[n]) for n in (0, 2, 4))
        K = cgutils.unpack_tuple(builder, J_array.shape)[1]
        stride = cgutils.unpack_tuple(builder, F_array.shape)[1]
        fma_type = ir.FunctionType(vector, [vector] * 3)
        fma = cgutils.get_or_insert_function(builder.module, fma_type, f"llvm.fma.v{width}f{bits}")

        def at(pointer: Any, *factors: Any) -> Any:
            offset = i64(1)
            for factor in factors:
                offset = builder.mul(offset, factor)
            return builder.gep(pointer, [offset])

        def vector_at(pointer: Any, offset: int) -> Any:
            return builder.bitcast(builder.gep(pointer, [i64(offset)]), vector.as_pointer())

        row = at(J_array.data, args[1], K, i64(ROWS))
        column = at(F_array.data, args[3], stride, i64(LANES))
        before, loop = builder.block, builder.append_basic_block("k")
        after = builder.append_basic_block("store")
        builder.branch(loop)
        builder.position_at_end(loop)
        k = builder.phi(i64)
        k.add_incoming(i64(0), before)
        sums = [[builder.phi(vector) for _ in range(vectors)] for _ in range(ROWS)]
        F_k, J_k = at(column, k, i64(LANES)), at(row, k, i64(ROWS))
        lanes = [builder.load(vector_at(F_k, v * width), align=bits // 8) for v in range(vectors)]
        following = builder.add(k, i64(1))
        k.add_incoming(following, loop)
        for r in range(ROWS):
            coupling = builder.insert_element(undefined, builder.load(builder.gep(J_k, [i64(r)])), i32(0))
            coupling = builder.shuffle_vector(coupling, undefined, everywhere)
            for v in range(vectors):
                total = builder.call(fma, [coupling, lanes[v], sums[r][v]])
                sums[r][v].add_incoming(ir.Constant(vector, [0.0] * width), before)
                sums[r][v].add_incoming(total, loop)
                sums[r][v] = total
        builder.cbranch(builder.icmp_signed("<", following, K), loop, after)
        builder.position_at_end(after)
        for r in range(ROWS):
            for v in range(vectors):
                builder.store(sums[r][v], vector_at(out_array.data, r * LANES + v * width), align=bits // 8)
        return context.get_dummy_value()

    return signature, generate


@njit(fastmath={"contract"}, error_model="numpy")
def block_of_loops(J, b, F, p, out):
    """The same sums as plain loops."""
    out[:] = 0
    for k in range(J.shape[1]):
        for r in range(ROWS):
            for w in range(LANES):
                out[r, w] += J[b, k, r] * F[p, k, w]


block: Any = intrinsic(_block_of_vectors) if VECTOR_BYTES else block_of_loops
"""block(J, b, F, p, out): out = rows of block b of the packed J times panel p of F."""
