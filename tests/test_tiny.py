"""One second: does it import, does a kernel run, is a gradient right, does a step of training train?"""

import numpy as np

import fastgrad as fg


def test_fastgrad_runs(capsys):
    info = fg.kernels.info()
    blas = info["blas"]
    with capsys.disabled():
        print(
            f"\nfastgrad {fg.__version__}: {info['kernels']} kernels, {info['isa']} of {', '.join(info['isas'])}, "
            f"{info['threads']} threads{'' if info['openmp'] else ' (built without OpenMP)'}, "
            f"BLAS {blas['config'] or blas['library']} {blas['core']}"
        )
    assert np.array_equal(fg.kernels.add(np.float32([1, 2]), np.float32([3, 4])), [4, 6])


def test_a_gradient():
    x = fg.tensor([1.0, -2.0, 3.0], requires_grad=True)
    (x * x * x).sum().backward()
    assert x.grad.tolist() == [3.0, 12.0, 27.0]


def test_a_training_step():
    x, y = fg.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), fg.tensor([0, 1, 1, 0])
    fg.manual_seed(1)
    model = fg.nn.Sequential(fg.nn.Linear(2, 8), fg.nn.Tanh(), fg.nn.Linear(8, 2))
    optimizer = fg.optim.Adam(model.parameters(), lr=0.05)

    @fg.capture
    def step(x, y):
        optimizer.zero_grad()
        loss = fg.nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    losses = [step(x, y).item() for _ in range(100)]
    assert losses[-1] < 0.05 * losses[0]
    assert model(x).argmax(1).tolist() == [0, 1, 1, 0]
