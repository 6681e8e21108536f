"""The training step: as one writes it, and captured as long as it can be."""

import random as python_random
import sys

import numpy as np

from .. import random
from ..capture import CaptureError, capture

__all__ = ["AutoCapture", "make_step"]

FORMS = 8  # recordings of one step at most: each keeps its own memory, and takes longer than a step


def make_step(model, loss, optimizer, average=None, outputs=False):
    """step(*inputs, target) -> loss and, if asked for, the model's outputs."""

    def step(*batch):
        *inputs, target = batch
        optimizer.zero_grad()
        out = model(*inputs)
        value = loss(out, target)
        value.backward()
        optimizer.step()
        if average is not None:
            average.update()
        return value, out if outputs else None

    return step


class AutoCapture:
    """A step that is captured, until that is found to be impossible: then eager, from that batch on.

    captured    whether it is
    why_eager   why not, or None

    A recording that fails puts back parameters and states; the random numbers it has drawn are put back here: the bits
    are those of a run that was eager from the beginning.
    """

    def __init__(self, step, model):
        self.step, self.random, self.draws, self.recordings = step, None, False, 0
        self.why_eager = hooked(model)
        self.captured = self.why_eager is None
        self.replayed = capture(self.recorded)

    def recorded(self, *batch):
        """The step, while it is being recorded."""
        self.random, before = random.get_state(), foreign_state()
        result = self.step(*batch)
        self.draws = foreign_state() != before
        return result

    def __call__(self, *batch):
        if not self.captured:
            return self.step(*batch)
        self.random = None
        try:
            result = self.replayed(*batch)
        except CaptureError as error:
            if self.random is None:  # a replay: the step was made in part
                raise
            random.set_state(self.random)
            self.become_eager(str(error))
            return self.step(*batch)
        if self.random is not None:  # it was recorded just now, eagerly
            self.refuse_recorded()
        return result

    def refuse_recorded(self):
        """Ends the capture where a replay would not do as the step did, or would be no gain."""
        if self.draws:
            self.become_eager(
                "the step draws from NumPy's or Python's own generator, which a replay would not do again"
            )
        self.recordings += 1
        if self.captured and self.recordings > FORMS:
            self.become_eager(
                f"more than {FORMS} shapes of batches, modes or settings of the model, each a program of its own"
            )

    def become_eager(self, why):
        self.captured, self.why_eager, self.replayed = False, why, None


def foreign_state():
    """The state of the random numbers that are not fastgrad's: NumPy's old global generator and Python's."""
    state: dict = np.random.get_state(legacy=False) if "numpy.random" in sys.modules else {}
    own = [x.tobytes() if isinstance(x, np.ndarray) else x for x in state.get("state", {}).values()]
    return own, python_random.getstate()


def hooked(model):
    """Why a model cannot be captured though recording would succeed: hooks, which a replay does not call. Or None."""
    for name, module in model.named_modules():
        hooks = module._hooks
        if hooks is None:
            continue
        found = [h[0] for kind in vars(hooks).values() for h in kind.values()]
        if any(not type(h).__module__.startswith("fastgrad.nn.") for h in found):
            return f"{name or type(model).__name__} has hooks, which a captured step would not call"
    for name, p in model.named_parameters():
        hooks = getattr(p, "_hooks", None)
        if hooks is not None and (hooks.before or hooks.after):
            return f"the parameter {name} has hooks, which a captured step would not call"
    return None
