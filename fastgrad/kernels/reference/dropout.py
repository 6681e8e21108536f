"""Dropout: elements multiplied by 0 or by a scale, as random bits say which anybody can draw again."""

import numpy as np

from .common import give, kernel

BLOCK = 2048  # elements that share a threshold
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
    """The first n words of a stream: word 64 g + 16 w + j is word w of counter 16 g + j.

    A counter's lower 64 bits count, its upper 64 bits are the stream.
    """
    groups = -(-n // 64)
    count = np.arange(16 * groups, dtype=np.uint64)
    stream = np.full_like(count, int(stream))
    counter = np.stack([count & LOW, count >> HALF, stream & LOW, stream >> HALF], -1)
    words = philox(counter, key).reshape(groups, 16, 4)
    return words.transpose(0, 2, 1).reshape(-1)[:n]


def keeps(n, key0, key1, stream, threshold):
    """Which of n elements are kept: those whose 16 bits are not below the threshold, of which 2^32 stands for 1.

    Elements 2 k and 2 k + 1 have the lower and the upper half of word k. A threshold of 32 bits is rounded to one of 16
    for each block of 2048 elements: down or up, so that the mean is right. Which of the two is decided by multiples of
    two irrational numbers, modulo 1: of one by the number of the block, of the other by the stream.
    """
    words = random_words(-(-n // 2), (key0, key1), stream)
    bits = np.stack([words & np.uint64(0xFFFF), words >> np.uint64(16)], -1).reshape(-1)[:n]
    block = np.arange(n, dtype=np.uint64) // np.uint64(BLOCK)
    part = (block * np.uint64(0x9E3779B9) + np.uint64(int(stream) * 0x85EBCA6B & 0xFFFFFFFF)) & LOW
    return bits >= (np.uint64(threshold) + (part >> np.uint64(16))) >> np.uint64(16)


@kernel
def dropout(x, key0, key1, stream, threshold, scale, out=None):
    """out_i = x_i scale where `keeps` says so of (key0, key1), stream, threshold and i, else x_i 0

    i counts the elements in the order of their indices. A share threshold / 2^32 of them is dropped. Whole numbers are
    compared, so float32 and float64 drop the same elements. A dropped NaN or infinity becomes NaN, as in PyTorch.
    Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, "Dropout", 2014.
    """
    x = np.asarray(x) if out is None or isinstance(x, np.ndarray) else np.full(out.shape, x, out.dtype)
    kept = keeps(x.size, int(key0), int(key1), int(stream), int(threshold)).reshape(x.shape)
    return give(x * np.where(kept, scale, 0.0).astype(x.dtype), out)
