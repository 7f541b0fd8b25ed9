"""Products of vectors in a fixed order of sums, each with a plain meaning in Python; see ``instructions``."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,call-arg"
from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from kinfolk.search.kernels.instructions import I32, I64, call_intrinsic, data_pointer, load_vector

LANES = 32  # sums that run side by side in `inner_product`; part of the definition of a score
CODES = 64  # bytes of one step of `code_product`


def inner_product(query, rows, at, dim):
    """Inner product in float64 of a query and the ``dim`` float32 values of ``rows`` from ``at``.

    Products of float32 values are exact in float64. Product i is added to sum i mod 32, one after the other, and the 32
    sums are added as a tree: sum j and sum j + 16, then j and j + 8, and so on. No other order occurs, so a pair of vectors has
    one inner product, whatever is computed beside it.

    Args:
        query: float64, zeros after ``dim`` up to a multiple of 32.
        rows: float32, flat.
        at, dim: where the row begins, and its width.
    """
    sums = [0.0] * LANES
    for i in range(dim):
        sums[i % LANES] += float(query[i]) * float(rows[at + i])
    return _fold(sums)


def square_distance(query, rows, at, dim):
    """Squared Euclidean distance in float64, added up in the order of ``inner_product``."""
    sums = [0.0] * LANES
    for i in range(dim):
        difference = float(query[i]) - float(rows[at + i])
        sums[i % LANES] += difference * difference
    return _fold(sums)


def _fold(sums):
    while len(sums) > 1:
        half = len(sums) // 2
        sums = [sums[j] + sums[j + half] for j in range(half)]
    return sums[0]


def _summed(term):
    """Code that adds up ``term(builder, query, row)`` over blocks of 32 values; the last one is read under a mask."""
    single, double, bit = ir.FloatType(), ir.DoubleType(), ir.IntType(1)
    wide, narrow = ir.VectorType(double, LANES), ir.VectorType(single, LANES)

    def generate(context, builder, signature, arguments):
        query = data_pointer(context, builder, signature.args[0], arguments[0])
        row = builder.gep(data_pointer(context, builder, signature.args[1], arguments[1]), [arguments[2]])
        dim = arguments[3]
        sums = cgutils.alloca_once_value(builder, ir.Constant(wide, [0.0] * LANES))

        def add(at, values):
            terms = term(
                builder, load_vector(builder, builder.gep(query, [at]), double, LANES, 8), builder.fpext(values, wide)
            )
            builder.store(builder.fadd(builder.load(sums), terms), sums)

        blocks = builder.udiv(dim, I64(LANES))
        with cgutils.for_range(builder, blocks) as loop:
            at = builder.mul(loop.index, I64(LANES))
            add(at, load_vector(builder, builder.gep(row, [at]), single, LANES, 4))
        at = builder.mul(blocks, I64(LANES))
        rest = builder.sub(dim, at)
        with builder.if_then(builder.icmp_unsigned(">", rest, I64(0))):
            lanes = ir.VectorType(I64, LANES)
            spread = builder.insert_element(ir.Constant(lanes, ir.Undefined), rest, I32(0))
            spread = builder.shuffle_vector(
                spread, ir.Constant(lanes, ir.Undefined), ir.Constant(ir.VectorType(I32, LANES), [0] * LANES)
            )
            mask = builder.icmp_unsigned("<", ir.Constant(lanes, list(range(LANES))), spread)
            place = builder.bitcast(builder.gep(row, [at]), narrow.as_pointer())
            none = ir.Constant(narrow, [0.0] * LANES)
            name = f"llvm.masked.load.v{LANES}f32.p0"
            kind = ir.FunctionType(narrow, [place.type, I32, ir.VectorType(bit, LANES), narrow])
            load = cgutils.get_or_insert_function(builder.module, kind, name)
            add(at, builder.call(load, [place, I32(4), mask, none]))
        folded, count = builder.load(sums), LANES
        while count > 1:
            count //= 2
            halves = [
                builder.shuffle_vector(
                    folded,
                    ir.Constant(folded.type, ir.Undefined),
                    ir.Constant(ir.VectorType(I32, count), list(range(start, start + count))),
                )
                for start in (0, count)
            ]
            folded = builder.fadd(*halves)
        return builder.extract_element(folded, I32(0))

    return generate


def _product_term(builder, query, row):
    return builder.fmul(query, row)


def _square_term(builder, query, row):
    difference = builder.fsub(query, row)
    return builder.fmul(difference, difference)


@intrinsic
def _inner_product(typing, query, rows, at, dim):  # noqa: ARG001
    return types.float64(query, rows, types.int64, types.int64), _summed(_product_term)


@intrinsic
def _square_distance(typing, query, rows, at, dim):  # noqa: ARG001
    return types.float64(query, rows, types.int64, types.int64), _summed(_square_term)


@overload(inner_product, inline="always")
def _compile_inner_product(query, rows, at, dim):  # noqa: ARG001
    return lambda query, rows, at, dim: _inner_product(query, rows, at, dim)


@overload(square_distance, inline="always")
def _compile_square_distance(query, rows, at, dim):  # noqa: ARG001
    return lambda query, rows, at, dim: _square_distance(query, rows, at, dim)


def code_product(query, codes, at, count):
    """Inner product of int16 values and the int8 values of ``codes`` from ``at``, a multiple of 64 of them, as int32.

    It must not overflow: ``count * max(query) * 127`` below 2**31.
    """
    return sum(int(query[i]) * int(codes[at + i]) for i in range(count))


@intrinsic
def _code_product(typing, query, codes, at, count):  # noqa: ARG001
    def generate(context, builder, signature, arguments):
        query = data_pointer(context, builder, signature.args[0], arguments[0])
        row = builder.gep(data_pointer(context, builder, signature.args[1], arguments[1]), [arguments[2]])
        wide = ir.VectorType(I32, CODES)
        total = cgutils.alloca_once_value(builder, I32(0))
        with cgutils.for_range(builder, builder.udiv(arguments[3], I64(CODES))) as loop:
            at = builder.mul(loop.index, I64(CODES))
            left = builder.sext(load_vector(builder, builder.gep(query, [at]), ir.IntType(16), CODES, 2), wide)
            right = builder.sext(load_vector(builder, builder.gep(row, [at]), ir.IntType(8), CODES, 1), wide)
            # A sum of products is what LLVM has an instruction for (vpmaddwd), if nothing stands between the two.
            part = call_intrinsic(builder, f"llvm.vector.reduce.add.v{CODES}i32", I32, [builder.mul(left, right)])
            builder.store(builder.add(builder.load(total), part), total)
        return builder.load(total)

    return types.int32(query, codes, types.int64, types.int64), generate


@overload(code_product, inline="always")
def _compile_code_product(query, codes, at, count):  # noqa: ARG001
    return lambda query, codes, at, count: _code_product(query, codes, at, count)
