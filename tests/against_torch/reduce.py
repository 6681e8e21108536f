"""Reductions, scans, sorting, softmax, losses."""

from .common import Row, rows

DIMS: list = [((3, 5), 0), ((3, 5), 1), ((3, 5), -1), ((2, 3, 4), 1), ((7,), 0), ((3, 1), 1)]
SETS: list = [((3, 5), (0, 1)), ((2, 3, 4), (0, 2)), ((2, 3, 4), (1,)), ((2, 3, 4), (-1, 0))]
ALL: list = [((),), ((1,),), ((7,),), ((3, 5),), ((2, 3, 4),)]


def along(name, sets=False, **more):
    """m.name(x, dim), with and without keepdim, and as a method."""
    found = []
    for shape, dim in [*DIMS, *(SETS if sets else ())]:
        found.append(Row(lambda m, x, d=dim: getattr(m, name)(x, d), (shape,), **more))
        found.append(Row(lambda m, x, d=dim: getattr(x, name)(dim=d, keepdim=True), (shape,), **more))
    return found


def whole(name, **more):
    return rows(lambda m, x: getattr(m, name)(x), ALL, **more)


def scan(name, **more):
    return [Row(lambda m, x, d=dim: getattr(m, name)(x, d), (shape,), **more) for shape, dim in DIMS]


F = "nn.functional"
TABLE: dict = {
    **{name: whole(name) + along(name, sets=True) for name in ("sum", "mean", "amax", "amin")},
    **{name: whole(name)[1:] + along(name, sets=True) for name in ("nansum", "nanmean")},
    **{name: whole(name) + along(name) for name in ("prod", "max", "min", "median")},
    **{name: whole(name, order=0) + along(name, order=0) for name in ("argmax", "argmin")},
    **{name: scan(name) for name in ("cumsum", "cumprod", "softmax", "log_softmax")},
    **{
        name: [
            *rows(lambda m, x, n=name: getattr(m, n)(x), ALL[2:]),
            Row(lambda m, x, n=name: getattr(m, n)(x, 1)),
            Row(lambda m, x, n=name: getattr(m, n)(x, 0, True), ((4, 2),)),
            Row(lambda m, x, n=name: getattr(m, n)(x, dim=(0, 2), unbiased=False), ((2, 3, 4),)),
            Row(lambda m, x, n=name: getattr(m, n)(x, dim=1, correction=0, keepdim=True)),
        ]
        for name in ("var", "std", "var_mean", "std_mean")
    },
    "any": [*rows(lambda m, x: (x > 0.5).any(), ALL, order=0), Row(lambda m, x: m.any(x > 0.5, 1), order=0)],
    "all": [*rows(lambda m, x: (x > -0.5).all(), ALL, order=0), Row(lambda m, x: m.all(x > 0, 0, True), order=0)],
    "aminmax": [Row(lambda m, x: m.aminmax(x)), Row(lambda m, x: m.aminmax(x, dim=1))],
    "norm": [
        *rows(lambda m, x: m.norm(x), ALL[1:]),
        *(Row(lambda m, x, p=p: m.norm(x, p, dim=1)) for p in (1, 2, 3, 0.5, float("inf"), -float("inf"))),
        Row(lambda m, x: x.norm(dim=(0, 1), keepdim=True)),
        Row(lambda m, x: x.norm(p=1)),
        Row(lambda m, x: m.norm(x, 0, dim=0), order=0),
    ],
    "logsumexp": [
        *(Row(lambda m, x, d=dim: m.logsumexp(x, d), (shape,)) for shape, dim in [*DIMS, *SETS]),
        Row(lambda m, x: m.logsumexp(m.where(x > 0, x, -float("inf")), 1), order=0),
    ],
    "sort": [
        *(Row(lambda m, x, d=dim: m.sort(x, d), (shape,)) for shape, dim in DIMS),
        Row(lambda m, x: m.sort(x, descending=True)),
        Row(lambda m, x: x.sort(dim=0, descending=True, stable=True)[0]),
    ],
    "argsort": [Row(lambda m, x: m.argsort(x, 0), order=0), Row(lambda m, x: x.argsort(descending=True), order=0)],
    "topk": [Row(lambda m, x: m.topk(x, 2)), Row(lambda m, x: x.topk(3, dim=0, largest=False))],
    "quantile": [
        Row(lambda m, x: m.quantile(x, 0.3)),
        Row(lambda m, x: m.quantile(x, 0.6, dim=1, keepdim=True)),
        Row(lambda m, x: m.quantile(x, m.tensor([0.1, 0.9], dtype=m.float64), dim=0)),
    ],
    "unique": [Row(lambda m, x: m.unique((x * 2).round()), order=0)],
    "count_nonzero": [
        Row(lambda m, x: m.count_nonzero(x > 0), order=0),
        Row(lambda m, x: m.count_nonzero(x, 1), order=0),
    ],
    "bincount": [Row(lambda m, x: m.bincount(m.tensor([1, 0, 3, 1])), order=0)],
    "histc": [Row(lambda m, x: m.histc(x, 4, -1, 2), order=0), Row(lambda m, x: m.histc(x, bins=3), order=0)],
    "kthvalue": [Row(lambda m, x: m.kthvalue(x, 2)), Row(lambda m, x: m.kthvalue(x, 1, 0))],
    "cummax": [Row(lambda m, x: m.cummax(x, 1))],
    "cummin": [Row(lambda m, x: m.cummin(x, 0))],
    "softmin": [Row(lambda m, x: m.nn.functional.softmin(x, 1))],
}
TABLE["max"] += [Row(lambda m, a, b: m.max(a, b), ((3, 5), (5,)))]
TABLE["min"] += [Row(lambda m, a, b: m.min(a, b), ((3, 5), (5,)))]
TABLE["sum"] += [
    Row(lambda m, x: (x > 0).sum(), order=0),
    Row(lambda m, x: x.sum(axis=0, keepdims=True)),
    Row(lambda m, x: m.sum(x > 0, dtype=m.float32), order=0),
    Row(lambda m, x: x.sum(0), ((0, 3),)),
    Row(lambda m, x: m.tensor([[1, 2], [3, 4]]).sum(1), order=0),
]

ELSEWHERE: dict = {"vector_norm": "PyTorch has it in torch.linalg; norm calls the same code"}
