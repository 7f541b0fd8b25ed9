"""Products of many rows of bytes with many queries of bytes, many rows side by side; see ``instructions``.

Rows lie packed: of 32 rows the first four bytes of each, one row after the other, then the next four bytes of each, and so on. So
a step takes four dimensions of sixteen rows, no sum is ever added up across a vector, and each value is read once for eight queries.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,call-arg"
from __future__ import annotations

import numba as nb
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from kinfolk.search.kernels.codes import prefetch_code
from kinfolk.search.kernels.instructions import I32, I64, call_intrinsic, data_pointer, load_vector

QUERIES, ROWS = 8, 32  # that are multiplied at a time
UNSIGNED = 128  # is added to each byte of a row, as the instruction for such products wants one side without signs
WIDEST = (2**31 - 1) // (255 * 127)  # bytes of a row, so that no sum overflows
_LANES, _BYTES = 16, 4  # rows side by side, and bytes of each that a step takes
_AHEAD = 6  # rows between asking for a code and packing it
_SIGNS = np.uint64(0x8080808080808080)  # adds UNSIGNED to each of eight bytes
_LOWER, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)  # the lower half of a word, and the bits of it
_SUMS, _PAIRS, _TERMS = (ir.VectorType(I32, count * _LANES) for count in (1, 2, 4))


@nb.njit(cache=True, nogil=True)
def pack_rows(codes, rows, width, packed):
    """Pack the codes of some rows, which may lie anywhere in memory.

    Two rows at a time: the lower halves of their words of eight bytes make one word, the upper halves another.

    Args:
        codes: int8 (num * width,).
        rows: which, int64.
        width: of each in bytes, a multiple of 8.
        packed: uint8, room for a multiple of ROWS.
    """
    given, words, steps, last = codes.view(np.uint64), packed.view(np.uint64), width // 8, len(rows) - 1
    for place in range(0, len(rows), 2):
        prefetch_code(codes, rows[min(place + _AHEAD, last)], width)
        prefetch_code(codes, rows[min(place + _AHEAD + 1, last)], width)
        first, second = given[rows[place] * steps :], given[rows[min(place + 1, last)] * steps :]
        out = words[place // ROWS * ROWS * steps + place % ROWS // 2 :]
        for step in range(steps):
            one, other = first[step] ^ _SIGNS, second[step] ^ _SIGNS
            out[step * ROWS] = one & _LOWER | other << _HALF
            out[step * ROWS + ROWS // 2] = one >> _HALF | other & ~_LOWER


def byte_products(queries, query_at, rows, row_at, width, out, out_at, stride):
    """Write the inner products of QUERIES queries with ROWS rows, to each byte of which UNSIGNED is added.

    A product is that of the codes and UNSIGNED times the sum of the query. See WIDEST.

    Args:
        queries: int8, flat; those asked for begin at ``query_at`` and follow each other.
        rows: from ``pack_rows``; the first one is the first of ROWS, and begins at ``row_at``.
        width: of each, a multiple of 4, at most WIDEST.
        out: int32, flat; the product of query i and row j goes to ``out_at + i * stride + j``.
    """
    for i in range(QUERIES):
        for j in range(ROWS):
            out[out_at + i * stride + j] = sum(
                int(queries[query_at + i * width + t]) * int(rows[row_at + (t // 4 * ROWS + j) * 4 + t % 4])
                for t in range(width)
            )


@intrinsic
def _byte_products(typing, queries, query_at, rows, row_at, width, out, out_at, stride):  # noqa: ARG001
    def generate(context, builder, signature, arguments):
        queries, rows, out = (
            data_pointer(context, builder, signature.args[place], arguments[place]) for place in (0, 2, 5)
        )
        query_at, row_at, width, out_at, stride = (arguments[place] for place in (1, 3, 4, 6, 7))
        features = context.codegen().magic_tuple()[2].split(",")
        sum_up, queries_at_once, vectors = (_sum_by_instruction, QUERIES, ROWS // _LANES)
        if "+avx512vnni" not in features:
            sum_up, queries_at_once, vectors = (_sum_in_pairs, 4 if "+avx512bw" in features else 2, 1)
        none = ir.Constant(_SUMS if sum_up is _sum_by_instruction else _PAIRS, None)
        for first in range(0, QUERIES, queries_at_once):
            some = range(first, first + queries_at_once)
            for start in range(0, ROWS, vectors * _LANES):
                several = range(start, start + vectors * _LANES, _LANES)
                sums = {(i, j): cgutils.alloca_once_value(builder, none) for i in some for j in several}
                for place in sums.values():
                    builder.store(none, place)
                with cgutils.for_range(builder, builder.udiv(width, I64(_BYTES))) as loop:
                    at = builder.add(row_at, builder.mul(loop.index, I64(_BYTES * ROWS)))
                    loaded = {}
                    for j in several:
                        where = builder.gep(rows, [builder.add(at, I64(_BYTES * j))])
                        loaded[j] = load_vector(builder, where, ir.IntType(8), _BYTES * _LANES, 1)
                    for i in some:
                        at = builder.add(query_at, builder.mul(width, I64(i)))
                        at = builder.add(at, builder.mul(loop.index, I64(_BYTES)))
                        query = load_vector(builder, builder.gep(queries, [at]), ir.IntType(8), _BYTES, 1)
                        for j in several:
                            total = sum_up(builder, builder.load(sums[i, j]), loaded[j], query)
                            builder.store(total, sums[i, j])
                for (i, j), place in sums.items():
                    total = builder.load(place)
                    if total.type != _SUMS:
                        total = _add_neighbors(builder, total)
                    at = builder.add(builder.add(out_at, builder.mul(stride, I64(i))), I64(j))
                    builder.store(total, builder.bitcast(builder.gep(out, [at]), _SUMS.as_pointer())).align = 4
        return context.get_dummy_value()

    places = (types.int64,) * 5
    kind = types.void(queries, places[0], rows, places[1], places[2], out, places[3], places[4])
    return kind, generate


def _sum_by_instruction(builder, total, rows, query):
    """Where the processor adds up products of four bytes by one instruction (vpdpbusd)."""
    given = [total, builder.bitcast(rows, _SUMS), _repeat(builder, builder.bitcast(query, I32))]
    return call_intrinsic(builder, "llvm.x86.avx512.vpdpbusd.512", _SUMS, given)


def _sum_in_pairs(builder, total, rows, query):
    """Elsewhere: products added in pairs are what LLVM has an instruction for (vpmaddwd)."""
    words = ir.VectorType(ir.IntType(16), _BYTES * _LANES)
    four = builder.bitcast(builder.sext(query, ir.VectorType(ir.IntType(16), _BYTES)), I64)
    left = builder.sext(builder.zext(rows, words), _TERMS)
    right = builder.sext(builder.bitcast(_repeat(builder, four), words), _TERMS)
    return builder.add(total, _add_neighbors(builder, builder.mul(left, right)))


def _repeat(builder, value):
    """A vector of so many lanes that all hold the value."""
    none = ir.Constant(ir.VectorType(value.type, _LANES), ir.Undefined)
    one = builder.insert_element(none, value, I32(0))
    return builder.shuffle_vector(one, none, ir.Constant(_SUMS, [0] * _LANES))


def _add_neighbors(builder, values):
    """Each value at an even place and the one behind it added up."""
    half = ir.VectorType(I32, values.type.count // 2)
    none = ir.Constant(values.type, ir.Undefined)
    even, odd = (
        builder.shuffle_vector(values, none, ir.Constant(half, list(range(start, values.type.count, 2))))
        for start in (0, 1)
    )
    return builder.add(even, odd)


@overload(byte_products, inline="always")
def _compile_byte_products(queries, query_at, rows, row_at, width, out, out_at, stride):  # noqa: ARG001
    return lambda queries, query_at, rows, row_at, width, out, out_at, stride: _byte_products(
        queries, query_at, rows, row_at, width, out, out_at, stride
    )
