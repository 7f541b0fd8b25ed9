"""Instructions on bits and memory that decide the speed of a search, each with a plain meaning in Python.

Every function here, in ``products`` and in ``byte_products`` is two things: a Python function that says what it means, and the same in
LLVM's vectors, which numba compiles in its place. LLVM's vectors are of no processor: on AVX-512, AVX2, SSE or NEON they become what
that one has, and the results are the same on each, bit for bit. One instruction that LLVM does not find by itself is named, in
``byte_products``. With ``NUMBA_DISABLE_JIT=1`` the Python runs, to the same results.

numba keeps compiled kernels until the file of the kernel itself changes. After a change in a file that kernels import, empty the
``__pycache__`` folders.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,call-arg"
from __future__ import annotations

import numba as nb
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

WORDS = 8  # 64-bit words of a cache line, and of one step of `plane_count`
LANES = 16  # float32 values of a cache line, and of one step of `next_at_least`

I32, I64 = ir.IntType(32), ir.IntType(64)


def data_pointer(context, builder, kind, value):
    """Where the values of an array argument begin."""
    return cgutils.create_struct_proxy(kind)(context, builder, value).data


def load_vector(builder, pointer, element, count, align):
    """Load a vector of ``count`` elements that is aligned to so many bytes."""
    vector = ir.VectorType(element, count)
    loaded = builder.load(builder.bitcast(pointer, vector.as_pointer()))
    loaded.align = align
    return loaded


def call_intrinsic(builder, name, result, arguments):
    """Call one of LLVM's own functions."""
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments)


# --- bits ------------------------------------------------------------------------------------------------------------


def plane_count(planes, plane_at, lines, line_at):
    """Add up ``2**j * popcount(plane j & line)`` over four bit planes of 8 words each, for 8 words of a line."""
    total = 0
    for word in range(WORDS):
        line = int(lines[line_at + word])
        for j in range(4):
            total += (line & int(planes[plane_at + WORDS * j + word])).bit_count() << j
    return total


@intrinsic
def _plane_count(typing, planes, plane_at, lines, line_at):  # noqa: ARG001 - the signature that numba wants
    def generate(context, builder, signature, arguments):
        planes_at = builder.gep(data_pointer(context, builder, signature.args[0], arguments[0]), [arguments[1]])
        line_at = builder.gep(data_pointer(context, builder, signature.args[2], arguments[2]), [arguments[3]])
        line = load_vector(builder, line_at, I64, WORDS, 8)
        total = ir.Constant(line.type, [0] * WORDS)
        for j in range(4):
            plane = load_vector(builder, builder.gep(planes_at, [I64(WORDS * j)]), I64, WORDS, 8)
            counts = call_intrinsic(builder, f"llvm.ctpop.v{WORDS}i64", line.type, [builder.and_(line, plane)])
            total = builder.add(total, builder.shl(counts, ir.Constant(line.type, [j] * WORDS)))
        return call_intrinsic(builder, f"llvm.vector.reduce.add.v{WORDS}i64", I64, [total])

    return types.int64(planes, types.int64, lines, types.int64), generate


@overload(plane_count, inline="always")
def _compile_plane_count(planes, plane_at, lines, line_at):  # noqa: ARG001
    return lambda planes, plane_at, lines, line_at: _plane_count(planes, plane_at, lines, line_at)


def trailing_zeros(word):
    """Count the zeros below the lowest one of a word that is not zero."""
    word = int(word)
    return (word & -word).bit_length() - 1


@intrinsic
def _trailing_zeros(typing, word):  # noqa: ARG001
    def generate(context, builder, signature, arguments):  # noqa: ARG001
        return call_intrinsic(builder, "llvm.cttz.i64", I64, [arguments[0], ir.IntType(1)(1)])

    return types.int64(types.uint64), generate


@overload(trailing_zeros, inline="always")
def _compile_trailing_zeros(word):  # noqa: ARG001
    return lambda word: _trailing_zeros(word)


# --- values ----------------------------------------------------------------------------------------------------------


def lanes_at_least(values, at, bound):
    """A bit for each of 16 float32 values from ``at``, the lowest for the first: whether it is not below the bound."""
    return sum(1 << lane for lane in range(LANES) if values[at + lane] >= bound)


@intrinsic
def _lanes_at_least(typing, values, at, bound):  # noqa: ARG001
    def generate(context, builder, signature, arguments):
        place = builder.gep(data_pointer(context, builder, signature.args[0], arguments[0]), [arguments[1]])
        loaded = load_vector(builder, place, ir.FloatType(), LANES, 4)
        none = ir.Constant(loaded.type, ir.Undefined)
        bounds = builder.insert_element(none, arguments[2], I32(0))
        bounds = builder.shuffle_vector(bounds, none, ir.Constant(ir.VectorType(I32, LANES), [0] * LANES))
        bits = builder.bitcast(builder.fcmp_ordered(">=", loaded, bounds), ir.IntType(LANES))
        return builder.zext(bits, I64)

    return types.uint64(values, types.int64, types.float32), generate


@overload(lanes_at_least, inline="always")
def _compile_lanes_at_least(values, at, bound):  # noqa: ARG001
    return lambda values, at, bound: _lanes_at_least(values, at, bound)


@nb.njit(cache=True, nogil=True, forceinline=True)
def next_at_least(values, start, stop, bound):
    """The first place from ``start`` up to ``stop`` where a float32 value is not below the bound; ``stop`` where there is none."""
    at = start
    while at + LANES <= stop:
        lanes = lanes_at_least(values, at, bound)
        if lanes != 0:
            return at + trailing_zeros(lanes)
        at += LANES
    while at < stop and not values[at] >= bound:
        at += 1
    return at


# --- memory ----------------------------------------------------------------------------------------------------------


def prefetch(array, at):
    """Ask for the cache line of ``array[at]``, which will be read soon; changes no value."""


@intrinsic
def _prefetch(typing, array, at):  # noqa: ARG001
    def generate(context, builder, signature, arguments):
        place = builder.gep(data_pointer(context, builder, signature.args[0], arguments[0]), [arguments[1]])
        place = builder.bitcast(place, ir.IntType(8).as_pointer())
        call_intrinsic(builder, "llvm.prefetch.p0", ir.VoidType(), [place, I32(0), I32(2), I32(1)])
        return context.get_dummy_value()

    return types.void(array, types.int64), generate


@overload(prefetch, inline="always")
def _compile_prefetch(array, at):  # noqa: ARG001
    return lambda array, at: _prefetch(array, at)
