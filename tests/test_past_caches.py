"""Results larger than the caches are written in another way: they have the same bits, wherever they begin."""

import numpy as np
import pytest

from fastgrad import kernels
from fastgrad.testing import assert_bits

LARGE = (16 << 20) + 4321  # bytes


def placed(shape, dtype, offset):
    """An array that begins `offset` numbers after a multiple of 64 bytes, between numbers that must stay."""
    n = int(np.prod(shape))
    room = kernels.empty((n + 64,), dtype)
    room[:] = 7
    return room, room[offset : offset + n].reshape(shape)


@pytest.mark.parametrize("isa", kernels.info()["isas"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("offset", [0, 1, 13])
def test_dropout(isa, dtype, offset, rng):
    n = LARGE // np.dtype(dtype).itemsize
    x = rng.standard_normal(n).astype(dtype)
    room, out = placed((n,), dtype, offset)
    with kernels.use(isa=isa):
        kernels.dropout(x, 1, 2, 3, 1 << 30, 1.25, out)
    with kernels.use("reference"):
        assert_bits(out, kernels.dropout(x, 1, 2, 3, 1 << 30, 1.25))
    assert (room[:offset] == 7).all()
    assert (room[offset + n :] == 7).all()


@pytest.mark.parametrize("isa", kernels.info()["isas"])
@pytest.mark.parametrize("shape", [(4201, 1001, 1), (3, 11, 127_777)])
@pytest.mark.parametrize("offset", [0, 5])
def test_batch_norm(isa, shape, offset, rng):
    x, dout = (rng.standard_normal(shape).astype(np.float32) for _ in range(2))
    assert x.nbytes > LARGE - 10_000
    w, b = (rng.standard_normal(shape[1]).astype(np.float32) for _ in range(2))
    room, out = placed(shape, np.float32, offset)
    more, dx = placed(shape, np.float32, offset)
    with kernels.use(isa=isa):
        _, mean, var = kernels.batch_norm(x, w, b, out, eps=1e-5)
        kernels.batch_norm_backward(dout, x, mean, var, w, dx, eps=1e-5)
    with kernels.use("reference"):
        assert_bits(out, kernels.batch_norm(x, w, b, eps=1e-5)[0])
        assert_bits(dx, kernels.batch_norm_backward(dout, x, mean, var, w, eps=1e-5)[0])
    for whole in (room, more):
        assert (whole[:offset] == 7).all()
        assert (whole[offset + x.size :] == 7).all()
