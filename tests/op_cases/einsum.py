"""Cases of ops/einsum.py."""

import numpy as np

from fastgrad import ops

from .common import Case


def named(equation, *shapes):
    def scale(*xs):
        return np.einsum(equation, *map(np.abs, xs))

    return Case(
        lambda *xs: ops.einsum(equation, *xs),
        lambda *xs: np.einsum(equation, *xs),
        [shapes],
        kind="product",
        n=24,
        scale=scale,
    )


CASES = {
    "einsum": [
        named("ij,jk->ik", (2, 3), (3, 4)),
        named("ij,jk", (2, 3), (3, 4)),
        named("ik,jk->ij", (2, 3), (4, 3)),
        named("bij,bjk->bik", (2, 2, 3), (2, 3, 2)),
        named("bhqd,bhkd->bhqk", (1, 2, 3, 2), (1, 2, 2, 2)),
        named("...ij,...jk->...ik", (2, 2, 3), (3, 2)),
        named("...ij->...ji", (2, 2, 3)),
        named("i,j->ij", (2,), (3,)),
        named("i,i->", (3,), (3,)),
        named("i,i->i", (3,), (3,)),
        named("ii->i", (3, 3)),
        named("ii", (3, 3)),
        named("iij->j", (2, 2, 3)),
        named("ij->", (2, 3)),
        named("ij->ji", (2, 3)),
        named("ba", (2, 3)),
        named("ij,k->k", (2, 3), (2,)),
        named("i,ij,j->", (2,), (2, 3), (3,)),
        named("bn,anm,bm->ba", (2, 3), (2, 3, 2), (2, 2)),
        named("ij,jk,kl->il", (2, 3), (3, 2), (2, 2)),
        named(",ij->ij", (), (2, 2)),
        named("ij,jk->ik", (0, 2), (2, 3)),
        named("ij,jk->ik", (2, 0), (0, 3)),
        named("b...,b->b...", (2, 3, 2), (2,)),
    ]
}
