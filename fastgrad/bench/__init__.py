"""Benchmarks to run: ``python -m fastgrad bench optim`` and ``python -m fastgrad bench compare A.json B.json``.

command.py    the command line
optim.py      update rules: what is run, in turn, round by round
ours.py       fastgrad's side of it, a process of its own; peers/ has the others', which need no fastgrad
result.py     a result as a file; tables.py as text; figure.py as a picture
compare.py    two results: what is faster, what is slower, and what cannot be told
spawn.py      children with clean environments; how busy the machine is
"""
