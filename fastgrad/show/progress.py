"""A progress bar: tqdm's when tqdm is installed, a plain line otherwise; nothing where nobody watches."""

import sys
import time

__all__ = ["progress"]


def progress(total, what, stream=None):
    """A bar for `total` steps, as a context: ``bar.update(n, note)`` moves it on. It is removed at the end.

    Only a terminal gets one: a log should not be filled with half-drawn bars.

    >>> with progress(10, "training") as bar:
    ...     for _ in range(10):
    ...         bar.update(1, "loss 0.5")
    """
    stream = sys.stdout if stream is None else stream
    if not stream.isatty():
        return Silent()
    try:
        from tqdm import tqdm
    except ImportError:
        return Plain(total, what, stream)
    return Fancy(tqdm(total=total, desc=what, file=stream, leave=False, dynamic_ncols=True))


class Silent:
    """No bar."""

    seen = False  # whether anybody watches

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        pass

    def update(self, n=1, note=""):
        pass


class Fancy(Silent):
    """tqdm's bar."""

    seen = True

    def __init__(self, bar):
        self.bar = bar

    def __exit__(self, *exc):
        self.bar.close()

    def update(self, n=1, note=""):
        self.bar.set_postfix_str(note, refresh=False)
        self.bar.update(n)


class Plain(Silent):
    """One line, drawn again over itself at most ten times a second."""

    WIDTH = 30
    seen = True

    def __init__(self, total, what, stream):
        self.total, self.what, self.stream = total, what, stream
        self.done, self.drawn, self.length, self.began = 0, 0.0, 0, time.perf_counter()

    def __exit__(self, *exc):
        self.stream.write("\r" + " " * self.length + "\r")
        self.stream.flush()

    def update(self, n=1, note=""):
        self.done += n
        now = time.perf_counter()
        if now - self.drawn < 0.1 and self.done < self.total:
            return
        share = min(self.done / self.total, 1.0) if self.total else 1.0
        bar = "#" * round(share * self.WIDTH)
        left = f"{(now - self.began) * (1 / share - 1):.0f} s left  " if 0 < share < 1 else ""
        line = f"{self.what} [{bar:.<{self.WIDTH}}] {share:4.0%}  {left}{note}"
        self.stream.write("\r" + line + " " * (self.length - len(line)))
        self.stream.flush()
        self.drawn, self.length = now, len(line)
