"""Dropout: elements multiplied by 0 or by a scale, as random words say which anybody can draw again."""

import numpy as np

from .common import give, kernel

BLOCK = 64  # words to a block: 16 counters of 4 words
LOW, HALF = np.uint64(0xFFFFFFFF), np.uint64(32)


def philox(counter, key, rounds=10):
    """Philox4x32: counter [..., 4] and key [2] of 32 bits -> words [..., 4]. All in uint64, whose products are exact.

    c0, c1, c2, c3  =  hi(M1 c2) ^ c1 ^ k0,  lo(M1 c2),  hi(M0 c0) ^ c3 ^ k1,  lo(M0 c0);    k0 += W0,  k1 += W1

    Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011.
    """
    m0, m1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
    c0, c1, c2, c3 = (np.asarray(counter, np.uint64)[..., i] for i in range(4))
    k0, k1 = (int(k) for k in key)
    for _ in range(rounds):
        p0, p1 = m0 * c0, m1 * c2
        c0, c1, c2, c3 = (p1 >> HALF) ^ c1 ^ np.uint64(k0), p1 & LOW, (p0 >> HALF) ^ c3 ^ np.uint64(k1), p0 & LOW
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3], -1)


def random_words(n, key, stream):
    """The words of elements 0..n-1: word 64 b + 16 w + j is word w of counter 16 b + j.

    A counter's lower 64 bits count, its upper 64 bits are the stream.
    """
    blocks = -(-n // BLOCK)
    count = np.arange(16 * blocks, dtype=np.uint64)
    stream = np.full_like(count, int(stream))
    counter = np.stack([count & LOW, count >> HALF, stream & LOW, stream >> HALF], -1)
    words = philox(counter, key).reshape(blocks, 16, 4)
    return words.transpose(0, 2, 1).reshape(-1)[:n]


@kernel
def dropout(x, key0, key1, stream, threshold, scale, out=None):
    """out_i = x_i scale where word_i >= threshold, else x_i 0;   word_i = `random_words` of (key0, key1), stream and i

    i counts the elements in the order of their indices. A share threshold / 2^32 of them is dropped. Whole numbers are
    compared, so float32 and float64 drop the same elements. A dropped NaN or infinity becomes NaN, as in PyTorch.
    Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, "Dropout", 2014.
    """
    x = np.asarray(x) if out is None or isinstance(x, np.ndarray) else np.full(out.shape, x, out.dtype)
    words = random_words(x.size, (key0, key1), stream).reshape(x.shape)
    return give(x * np.where(words >= np.uint64(threshold), scale, 0.0).astype(x.dtype), out)
