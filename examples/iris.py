"""Classifying iris flowers: a small network, Adam, and what it gets wrong.

python examples/iris.py
"""

import fastgrad as fg
from fastgrad import nn
from fastgrad.data import load_iris, train_test_split


def main():
    iris = load_iris()
    parts = train_test_split(iris.data, iris.target, test_size=0.3, seed=1, stratify=iris.target)
    mean, std = parts[0].mean(axis=0), parts[0].std(axis=0)  # of the training part: the test part must stay unseen
    x, x_test = (fg.from_numpy((part - mean) / std) for part in parts[:2])
    target, target_test = (fg.from_numpy(part) for part in parts[2:])

    fg.manual_seed(1)
    net = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = fg.optim.Adam(net.parameters(), lr=0.01)
    print(net)

    for epoch in range(1, 101):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x), target)
        loss.backward()
        optimizer.step()
        if epoch in (1, 10, 20, 50, 100):
            with fg.no_grad():
                right = net(x_test).argmax(1) == target_test
            print(f"epoch {epoch:3d}   loss {loss.item():.4f}   test accuracy {100 * right.numpy().mean():5.1f} %")

    with fg.no_grad():
        probability = net(x_test).softmax(1).numpy()
    print("\nmistaken:")
    for row, (p, truth) in enumerate(zip(probability, target_test.numpy(), strict=True)):
        if p.argmax() != truth:
            names = iris.target_names
            print(f"  row {row}: {names[truth]} taken for {names[p.argmax()]}, p = {p.max():.2f}")


if __name__ == "__main__":
    main()
