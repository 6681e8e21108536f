"""Matrix products."""

import numpy as np

from .common import give, kernel


@kernel
def matmul(a, b, out=None):
    """out[M,N] = a[M,K] b[K,N]:   out_mn = sum over k of a_mk b_kn"""
    return give(np.matmul(a, b), out)


@kernel
def bmm(a, b, out=None):
    """out[B,M,N] = a[B,M,K] b[B,K,N]:   B products, each as `matmul` computes it"""
    return give(np.matmul(a, b), out)


@kernel
def linear(x, w, b=None, out=None):
    """out[M,N] = x[M,K] w[N,K]^T + b[N]:   a layer of N neurons, whose weights are the rows of w"""
    product = np.matmul(x, w.T)
    return give(product if b is None else product + b, out)
