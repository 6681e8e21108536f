"""The rules of the acceptance report: how many arrays of state each keeps, and the bar against torch's best mode."""

# The least an element moves, in float32: g read, p and every state read and written, 12 + 8 states bytes.
STATES = {
    "sgd": 0,
    "momentum": 1,
    "nesterov": 1,
    "adagrad": 1,
    "rmsprop": 1,
    "adadelta": 2,
    "adam": 2,
    "adamw": 2,
    "adamax": 2,
    "nadam": 2,
    "radam": 2,
    "rprop": 2,
    "asgd": 1,
    "lion": 1,
}

# torch has a compiled (fused) form of the first six, and passes of tensor operations for the others.
BARS = {
    **dict.fromkeys(("sgd", "momentum", "nesterov", "adagrad", "adam", "adamw"), 0.95),
    "adamax": 4.3,
    **dict.fromkeys(("rmsprop", "nadam", "radam", "adadelta", "rprop"), 5.0),
}
