"""Curved units, ELU to GELU, and their gradients. Shapes: every operand broadcasts to the shape of the result.

At an infinity they have their limits: x times a weight that vanishes faster is 0, not the NaN of inf times 0.
"""

import math

import numpy as np

from .activation import sigmoid
from .common import give, kernel

FAR = 2000  # e^-2000 is 0, in any dtype

SELU_ALPHA, SELU_LAMBDA = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946
ROOT = "0.79788456080286535587989211986876373695"  # sqrt(2 / pi), and the factor of x^3: in the dtype of x
CUBE = "0.044715"


@kernel
def elu(x, alpha, out=None):
    """out = x where x > 0, else alpha (e^x - 1)

    Clevert, Unterthiner and Hochreiter, "Fast and accurate deep network learning by exponential linear units", 2016.
    """
    return give(np.where(np.less_equal(x, 0), alpha * np.expm1(x), x), out)


@kernel
def elu_backward(dout, x, alpha, out=None):
    """out = dout where x > 0, else dout alpha e^x; dout where x is NaN"""
    return give(np.where(np.less_equal(x, 0), dout * (alpha * np.exp(x)), dout), out)


@kernel
def celu(x, alpha, out=None):
    """out = x where x > 0, else alpha (e^(x / alpha) - 1)

    Barron, "Continuously differentiable exponential linear units", 2017.
    """
    return give(np.where(np.less_equal(x, 0), alpha * np.expm1(x / alpha), x), out)


@kernel
def celu_backward(dout, x, alpha, out=None):
    """out = dout where x > 0, else dout e^(x / alpha); dout where x is NaN"""
    return give(np.where(np.less_equal(x, 0), dout * np.exp(x / alpha), dout), out)


@kernel
def selu(x, out=None):
    """out = lambda x where x > 0, else lambda alpha (e^x - 1)

    lambda = 1.0507..., alpha = 1.6733...: Klambauer, Unterthiner, Mayr and Hochreiter, "Self-normalizing neural
    networks", 2017.
    """
    return give(np.where(np.less_equal(x, 0), SELU_LAMBDA * SELU_ALPHA * np.expm1(x), SELU_LAMBDA * x), out)


@kernel
def selu_backward(dout, x, out=None):
    """out = lambda dout where x > 0, else dout lambda alpha e^x"""
    inner = dout * (SELU_LAMBDA * SELU_ALPHA * np.exp(x))
    return give(np.where(np.less_equal(x, 0), inner, dout * SELU_LAMBDA), out)


@kernel
def softplus(x, beta, threshold, out=None):
    """out = ln(1 + e^z) / beta, z = beta x, written max(z, 0) + ln(1 + e^-|z|); x where z > threshold

    Dugas et al., "Incorporating second-order functional knowledge for better option pricing", 2001.
    """
    z = x * beta
    soft = (np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))) / beta
    return give(np.where(np.greater(z, threshold), x, soft), out)


@kernel
def softplus_backward(dout, x, beta, threshold, out=None):
    """out = dout sigmoid(beta x), dout where beta x > threshold"""
    z = x * beta
    return give(np.where(np.greater(z, threshold), dout, dout * sigmoid(z)), out)


@kernel
def logsigmoid(x, out=None):
    """out = ln(1 / (1 + e^-x)), written min(x, 0) - ln(1 + e^-|x|)"""
    return give(np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x))), out)


@kernel
def logsigmoid_backward(dout, x, out=None):
    """out = dout sigmoid(-x)"""
    return give(dout * sigmoid(-np.asarray(x)), out)


def gated(x, z):
    """x sigmoid(z), z of the sign of x. e^z as the square of e^(z/2), one factor after the other: the product does not
    underflow before it must."""
    half = np.exp(-np.abs(z) / 2)
    above = 1 + half * half
    return np.where(np.less(x, 0), np.maximum(x, -FAR) * half / above * half, x / above)


@kernel
def silu(x, out=None):
    """out = x sigmoid(x)

    Elfwing, Uchibe and Doya, "Sigmoid-weighted linear units", 2018; Hendrycks and Gimpel, 2016; swish, 2017.
    """
    return give(gated(x, x), out)


@kernel
def silu_backward(dout, x, out=None):
    """out = dout s (1 + x (1 - s)), s = sigmoid(x)"""
    x = np.clip(x, -FAR, FAR)
    return give(dout * (sigmoid(x) * (1 + x * sigmoid(-x))), out)


def normal_cdf(x):
    """Phi(x), the share of a normal distribution below x, in float64: NumPy has no erfc, the C library's is taken."""
    return np.vectorize(lambda v: 0.5 * math.erfc(-v / math.sqrt(2)), otypes=[np.float64])(x)


@kernel
def gelu(x, out=None):
    """out = x Phi(x), Phi(x) = (1 + erf(x / sqrt 2)) / 2

    Hendrycks and Gimpel, "Gaussian error linear units", 2016.
    """
    x = np.asarray(x)
    return give((np.maximum(x, -FAR) * normal_cdf(x)).astype(x.dtype), out)


@kernel
def gelu_backward(dout, x, out=None):
    """out = dout (Phi(x) + x phi(x)), phi(x) = e^(-x^2 / 2) / sqrt(2 pi)"""
    x = np.clip(x, -FAR, FAR)
    slope = normal_cdf(x) + x * np.exp(-0.5 * np.float64(1) * x * x) / math.sqrt(2 * math.pi)
    return give(dout * slope.astype(np.asarray(x).dtype), out)


@kernel
def gelu_tanh(x, out=None):
    """out = x (1 + tanh u) / 2 = x sigmoid(2 u), u = sqrt(2 / pi) (x + 0.044715 x^3)"""
    x = np.asarray(x)
    root, cube = x.dtype.type(ROOT), x.dtype.type(CUBE)
    return give(gated(x, 2 * root * x * (1 + cube * x * x)), out)


@kernel
def gelu_tanh_backward(dout, x, out=None):
    """out = dout (s + x s (1 - s) 2 u'), s = sigmoid(2 u), u' = sqrt(2 / pi) (1 + 3 * 0.044715 x^2)"""
    x = np.clip(x, -FAR, FAR)
    root, cube = x.dtype.type(ROOT), x.dtype.type(CUBE)
    z = 2 * root * x * (1 + cube * x * x)
    inner = sigmoid(z) * sigmoid(-z) * (2 * root * (1 + 3 * cube * x * x))
    return give(dout * (sigmoid(z) + x * inner), out)
