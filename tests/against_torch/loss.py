"""Rows of the losses."""

import warnings

from .common import Row

T5 = [1, 0, 2]


def kl_div(m, x, t, **how):
    with warnings.catch_warnings():  # torch says that "mean" will change
        warnings.simplefilter("ignore")
        return m.nn.functional.kl_div(x, t, **how)


TABLE: dict = {
    "cross_entropy": [
        *(
            Row(
                lambda m, x, r=r, s=s, w=w, i=i: m.nn.functional.cross_entropy(
                    x,
                    m.tensor([[2, 0, 1], [1, 1, 3]]),
                    None if w is None else m.tensor(w, dtype=m.float64),
                    ignore_index=i,
                    reduction=r,
                    label_smoothing=s,
                ),
                ((2, 4, 3),),
            )
            for r in ("mean", "sum", "none")
            for s in (0.0, 0.1)
            for w in (None, [0.5, 2.0, 1.5, 1.0])
            for i in (-100, 1)
        ),
        *(
            Row(
                lambda m, x, t, r=r, s=s, w=w: m.nn.functional.cross_entropy(
                    x, t, None if w is None else m.tensor(w, dtype=m.float64), reduction=r, label_smoothing=s
                ),
                shape,
            )
            for r in ("mean", "sum", "none")
            for s in (0.0, 0.1)
            for w in (None, [0.5, 2.0, 1.5, 1.0])
            for shape in (((3, 4), (3, 4)), ((4,), (4,)), ((2, 4, 3), (2, 4, 3)))
        ),
        *(
            Row(lambda m, x, r=r: m.nn.functional.cross_entropy(x, m.tensor(1), reduction=r), ((4,),))
            for r in ("mean", "sum", "none")
        ),
        Row(
            lambda m, x: m.nn.functional.cross_entropy(x, m.tensor([[[1, 0], [3, 2]]]), reduction="none"),
            ((1, 4, 2, 2),),
        ),
        Row(lambda m, x: m.nn.functional.cross_entropy(x, m.tensor([-100, -100]), reduction="sum"), ((2, 4),)),
        *(
            Row(lambda m, x, r=r: m.nn.functional.cross_entropy(x, m.tensor(T5), reduction=r))
            for r in ("mean", "sum", "none")
        ),
    ],
    "nll_loss": [
        Row(lambda m, x, r=r: m.nn.functional.nll_loss(x, m.tensor(T5), reduction=r)) for r in ("mean", "sum", "none")
    ],
    "kl_div": [
        Row(
            lambda m, x, t, r=r, g=g: kl_div(m, x, t, reduction=r, log_target=g),
            ((3, 5), (3, 5)),
            domain=" p",
        )
        for r in ("mean", "sum", "none", "batchmean")
        for g in (False, True)
    ],
    "hinge_embedding_loss": [
        Row(
            lambda m, x, r=r: m.nn.functional.hinge_embedding_loss(
                x, m.tensor([[1.0, -1, 1], [-1, -1, 1]], dtype=m.float64), 0.7, reduction=r
            ),
            ((2, 3),),
        )
        for r in ("mean", "sum", "none")
    ],
    "multi_margin_loss": [
        *(
            Row(
                lambda m, x, r=r, p=p, w=w: m.nn.functional.multi_margin_loss(
                    x, m.tensor([2, 0, 1]), p, 0.8, None if w is None else m.tensor(w, dtype=m.float64), reduction=r
                ),
                ((3, 4),),
                order=1,
            )
            for r in ("mean", "sum", "none")
            for p in (1, 2)
            for w in (None, [0.5, 2.0, 1.5, 1.0])
        ),
        Row(lambda m, x: m.nn.functional.multi_margin_loss(x, m.tensor(1)), ((4,),), order=1),
    ],
    **{
        name: [
            Row(
                lambda m, a, b, n=name, r=r: getattr(m.nn.functional, n)(a, b, reduction=r),
                ((3, 5), (3, 5)),
                domain=domain,
            )
            for r in ("mean", "sum", "none")
        ]
        for name, domain in [
            ("mse_loss", ""),
            ("l1_loss", ""),
            ("smooth_l1_loss", ""),
            ("huber_loss", ""),
            ("binary_cross_entropy", "pp"),
            ("binary_cross_entropy_with_logits", " p"),
        ]
    },
}
ELSEWHERE: dict = {"hinge_loss": "PyTorch has none"}
