"""How SGD, Momentum and Adam walk down a long valley: f(x, y) = x^2 / 20 + y^2, from (-7, 2).

The gradient is (x / 10, 2 y): steep across the valley, almost flat along it. SGD swings from side to side, Momentum
overshoots and comes back, Adam makes steps of nearly one length in both directions.

python examples/paths.py
"""

import fastgrad as fg

RULES = {
    "SGD": lambda params: fg.optim.SGD(params, lr=0.95),
    "Momentum": lambda params: fg.optim.Momentum(params, lr=0.1),
    "Adam": lambda params: fg.optim.Adam(params, lr=0.3),
}
SHOWN = (0, 1, 2, 3, 5, 10, 20, 30)


def path(make):
    """The points (x, y, f) at which a rule stands before each step."""
    point = fg.tensor([-7.0, 2.0], requires_grad=True)
    optimizer = make([point])
    points = []
    for _ in range(SHOWN[-1] + 1):
        optimizer.zero_grad()
        x, y = point[0], point[1]
        f = x**2 / 20 + y**2
        f.backward()
        points.append((x.item(), y.item(), f.item()))
        optimizer.step()
    return points


def main():
    paths = {name: path(make) for name, make in RULES.items()}
    print("step  " + "  ".join(f"{name:^24}" for name in paths))
    print("      " + "  ".join(f"{'x':>7} {'y':>7} {'f':>8}" for _ in paths))
    for t in SHOWN:
        print(f"{t:4d}  " + "  ".join("{:7.3f} {:7.3f} {:8.4f}".format(*points[t]) for points in paths.values()))


if __name__ == "__main__":
    main()
