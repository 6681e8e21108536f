"""A small net forward and backward, with every local derivative that the tape multiplies."""

from heapq import heappop, heappush

import numpy as np

from ... import ops
from ...tape import Node
from ...tensor import from_numpy
from ..experiment import Experiment

# Name -> what it is made of; the order is that of the forward pass.
STEPS = {
    "p11": ("w11", "·", "x1"),
    "p12": ("w12", "·", "x2"),
    "z1": ("p11", "+", "p12"),
    "h1": ("σ", "z1"),
    "p21": ("w21", "·", "x1"),
    "p22": ("w22", "·", "x2"),
    "z2": ("p21", "+", "p22"),
    "h2": ("σ", "z2"),
    "q1": ("v1", "·", "h1"),
    "q2": ("v2", "·", "h2"),
    "y": ("q1", "+", "q2"),
    "d": ("y", "-", "t"),
    "e": ("d", "·", "d"),
    "L": ("½", "·", "e"),
}
COLUMNS = (0, 1.7, 3.1, 4.4, 5.7, 7.0, 8.2, 9.8, 11.0)
HEIGHTS = {  # by column
    0: {"w11": 7.4, "w12": 5.8, "x1": 4.6, "x2": 3.4, "w21": 2.2, "w22": 0.6},
    1: {"p11": 7.0, "p12": 5.4, "p21": 2.6, "p22": 1.0},
    2: {"z1": 6.2, "z2": 1.8},
    3: {"v1": 7.8, "h1": 6.2, "h2": 1.8, "v2": 0.2},
    4: {"q1": 6.2, "q2": 1.8},
    **{5 + i: {name: 4.0} for i, name in enumerate("ydeL")},
}
PLACES = {name: (COLUMNS[i], height) for i, those in HEIGHTS.items() for name, height in those.items()}

# Where along an arrow its number stands, where the middle is another's.
BEFORE = {("x1", "p11"): 0.32, ("x2", "p22"): 0.32, ("x1", "p21"): 0.58, ("x2", "p12"): 0.58}


class BackpropByHand(Experiment):
    name = "backprop-by-hand"
    title = "Backward through a small net, by hand", "손으로 해 보는 작은 신경망의 역전파"
    see = (
        "A net of two inputs, two sigmoids and one output, loss L = ½ (y - t)². In each box its name, its value from "
        "the forward pass, and behind ∇ dL/d(box). On each arrow the local derivative: what the rule of that one "
        "operation gives, without knowing the net. A product's is the other factor, a sum's is 1, a sigmoid's h (1 - "
        "h). Backward starts at the right with dL/dL = 1 and multiplies by the number on the arrow; where several "
        "arrows leave a box, as from x1, x2 and d, what comes back along each is added. So one pass over 14 "
        "operations gives all gradients at once. Shaken one after the other, the eight numbers would take 16 forward "
        "passes, and a million numbers two million.",
        "입력 둘, 시그모이드 둘, 출력 하나인 신경망이고 손실은 L = ½ (y - t)²이다. 상자마다 이름, 순전파의 값, 그리고 "
        "∇ 뒤에 dL/d(상자)를 적었다. 화살표에 적힌 것은 국소 미분, 곧 신경망을 모른 채 그 연산 하나의 규칙이 주는 "
        "값이다. 곱에서는 다른 쪽 인수, 합에서는 1, 시그모이드에서는 h (1 - h)이다. 역전파는 오른쪽 끝의 dL/dL = "
        "1에서 시작해 화살표의 수를 곱해 간다. x1, x2, d처럼 한 상자에서 화살표가 여럿 나가면 각각으로 돌아온 것을 "
        "더한다. 그래서 연산 14개를 한 번 지나면 모든 기울기가 한꺼번에 나온다. 여덟 수를 하나씩 흔들어 보려면 순전파 "
        "16번, 백만 개라면 2백만 번이 든다.",
    )
    claims = {
        "chain": (
            "each gradient of the tape is the product of the local derivatives along a way to L, summed over all ways",
            "테이프의 기울기는 L까지 가는 길마다 국소 미분을 곱해 모든 길에 걸쳐 더한 것이다",
        ),
        "numbers": (
            "and what shaking each number gives: central differences, within 1e-8",
            "그리고 수를 하나씩 흔들어 얻는 값, 곧 중앙 차분과 1e-8 안에서 같다",
        ),
        "once": ("each operation's rule is asked once", "연산의 규칙은 한 번씩만 쓰인다"),
    }
    chosen = {
        "x": (1.0, 2.0),
        "w": (0.5, -0.25, -0.5, 0.75),
        "v": (2.0, -1.0),
        "t": 1.0,
    }

    def measure(self, run):
        given = leaves(run.settings)
        tensors = forward({name: from_numpy(np.array(value)).requires_grad_() for name, value in given.items()}, run)
        names = {id(tensor.node or tensor): name for name, tensor in tensors.items()}
        flow, asked = walk(tensors["L"].node, names)
        for tensor in tensors.values():
            tensor.retain_grad()
        tensors["L"].backward()
        differences = {name: central(run, given, name) for name in given}
        return {
            "values": {name: tensor.item() for name, tensor in tensors.items()},
            "gradients": {name: tensor.grad.item() for name, tensor in tensors.items()},
            "flow": flow,
            "asked": asked,
            "differences": differences,
        }

    def judge(self, run, numbers):
        gradients, differences = numbers["gradients"], numbers["differences"]
        ways = {name: list(ways_to(numbers["flow"], name)) for name in gradients}
        off = max(abs(sum(map(np.prod, ways[name])) - gradients[name]) for name in gradients)
        apart = max(abs(differences[name] - gradients[name]) for name in differences)
        several = {name: len(those) for name, those in ways.items() if len(those) > 1 and name in differences}
        count = ", ".join(f"{name} {number}" for name, number in several.items())
        return {
            "chain": (off < 1e-14, (f"{off:.0e} apart; ways: {count}", f"차이 {off:.0e}, 길의 수: {count}")),
            "numbers": (apart < 1e-8, (f"{apart:.0e} apart", f"차이 {apart:.0e}")),
            "once": (
                sorted(numbers["asked"]) == sorted(STEPS),
                (
                    f"{len(numbers['asked'])} rules for {len(gradients)} gradients",
                    f"규칙 {len(numbers['asked'])}번으로 기울기 {len(gradients)}개",
                ),
            ),
        }

    def tell(self, run, numbers):
        values, lines = numbers["values"], [run.say("  Forward", "  순전파")]
        shown = {**values, "t": run.settings.t, "½": 0.5}
        for name, made in STEPS.items():
            filled = " ".join(f"({shown[part]:.4g})" if part in shown else part for part in made)
            lines.append(f"    {name:>3} = {' '.join(made):11} = {filled:21} = {values[name]:.6g}")
        lines.append(run.say("  Backward: what arrives × local derivative", "  역전파: 도착한 값 × 국소 미분"))
        lines.append("    dL/dL = 1")
        for each in numbers["flow"]:
            top, name = each["from"], each["to"]
            arrived, local, sent = (f"{each[key]:9.6f}" for key in ("arrived", "local", "sent"))
            lines.append(f"    dL/d{top:3} × {f'd{top}/d{name}':9} = {arrived} × {local} = {sent}  → {name}")
        lines.append(run.say("  Sums: the gradients of the tape", "  합: 테이프의 기울기"))
        lines += [f"    dL/d{name:3} = {numbers['gradients'][name]:9.6f}" for name in numbers["differences"]]
        return "\n".join(lines)

    def draw(self, run, numbers):
        figure, axis = run.figure(size=(14.0, 8.2))
        axis.set(xlim=(-0.6, 11.5), ylim=(-0.45, 8.45))
        axis.axis("off")
        merged: dict = {}
        for each in numbers["flow"]:
            merged.setdefault((each["to"], each["from"]), []).append(each["local"])
        for (name, top), local in merged.items():
            at = BEFORE.get((name, top), 0.47)
            arrow(axis, PLACES[name], PLACES[top], at, "\n+ ".join(f"{value:.4g}" for value in local))
        for name, (x, y) in PLACES.items():
            fill = "white" if name in STEPS else "#e4e4e4"
            box = {"boxstyle": "round,pad=0.35", "facecolor": fill, "edgecolor": "black"}
            text = f"{name}\n{numbers['values'][name]:.4g}\n∇ {numbers['gradients'][name]:.4g}"
            axis.text(x, y, text, ha="center", va="center", bbox=box, fontsize=10.5, linespacing=1.25, zorder=4)
        said = run.say(
            "box: name, value, gradient (∇)\narrow: local derivative\n"
            f"t = {run.settings.t:g},  d = y - t,  e = d · d,  L = ½ e",
            f"상자: 이름, 값, 기울기(∇)\n화살표: 국소 미분\nt = {run.settings.t:g},  d = y - t,  e = d · d,  L = ½ e",
        )
        axis.text(7.6, 7.9, said, fontsize=12, va="top", linespacing=1.5)
        return figure


def leaves(s):
    names = ("x1", "x2", "w11", "w12", "w21", "w22", "v1", "v2")
    return dict(zip(names, (*s.x, *s.w, *s.v), strict=True))


def forward(values, run):
    """Adds to the leaves the result of every step; tensors or numbers of NumPy."""
    found = {**values, "t": run.settings.t, "½": 0.5}
    for name, made in STEPS.items():
        if made[0] == "σ":
            found[name] = ops.sigmoid(found[made[1]])
            continue
        a, sign, b = found[made[0]], made[1], found[made[2]]
        found[name] = a * b if sign == "·" else a + b if sign == "+" else a - b
    return {name: value for name, value in found.items() if name not in ("t", "½")}


def walk(root, names):
    """The way back from a node, as the tape goes it: newest first, each when all of its gradient has arrived.

    Returns a dict for each operand of each node (from, to, what arrived, the local derivative, which is the op's own
    rule given 1, and their product, which is sent on), and the names of the nodes whose rule was asked, in order.
    """
    arrived, heap, nodes = {root.key: 1.0}, [root.key], {root.key: root}
    flow, asked = [], []
    while heap:
        node = nodes[heappop(heap)]
        asked.append(names[id(node)])
        local = node.op.backward(node, np.array(1.0))
        for edge, derivative in zip(node.inputs, local if type(local) is tuple else (local,)):  # noqa: B905
            if edge is None or derivative is None:
                continue
            sent = arrived[node.key] * float(derivative)
            step = {"from": names[id(node)], "to": names[id(edge)], "arrived": arrived[node.key]}
            flow.append({**step, "local": float(derivative), "sent": sent})
            if type(edge) is Node:
                if edge.key not in nodes:
                    nodes[edge.key] = edge
                    heappush(heap, edge.key)
                arrived[edge.key] = arrived.get(edge.key, 0.0) + sent
    return flow, asked


def ways_to(flow, name):
    """For each way from `name` to L the local derivatives on it."""
    if name == "L":
        yield [1.0]
    for each in flow:
        if each["to"] == name:
            yield from ([each["local"], *rest] for rest in ways_to(flow, each["from"]))


def central(run, given, name, h=1e-5):
    """(L(p + h) - L(p - h)) / 2h of one leaf."""

    def loss(value):
        shaken = {**given, name: value}
        return forward({key: from_numpy(np.array(number)) for key, number in shaken.items()}, run)["L"].item()

    return (loss(given[name] + h) - loss(given[name] - h)) / (2 * h)


def arrow(axis, start, to, at, text):
    axis.annotate("", to, start, arrowprops={"arrowstyle": "-|>", "color": "#808080", "shrinkA": 24, "shrinkB": 26})
    x, y = (a + at * (b - a) for a, b in zip(start, to, strict=True))
    box = {"facecolor": "white", "edgecolor": "none", "pad": 1.2}
    axis.text(x, y, text, ha="center", va="center", fontsize=9.5, color="#303030", bbox=box, zorder=3)
