"""PyTorch's optimizers, in each of the ways it can run them: default, foreach and fused."""

import inspect

from .serve import Unable, arguments, gradient_steps, gradients_of, moved, parameters_of, serve

MODES = ("default", "foreach", "fused")
NAMES = {"Momentum": ("SGD", {"momentum": 0.9}), "Nesterov": ("SGD", {"momentum": 0.9, "nesterov": True})}
ALIKE = {"Adafactor", "Muon"}  # by the same name a rule that rounds or scales in another way: timed, not compared
HOW = {"params", "foreach", "fused", "capturable", "maximize", "differentiable"}


def build(torch, rule, parameters, options, mode="default"):
    """torch's optimizer for a rule of ours, with those of our options that it has; Unable where it has no such rule."""
    name, fixed = NAMES.get(rule, (rule, {}))
    make = getattr(torch.optim, name, None)
    if make is None:
        raise Unable(f"torch {torch.__version__} has no such rule")
    takes = set(inspect.signature(make).parameters)
    if mode != "default" and mode not in takes:
        raise Unable(f"torch's {name} has no mode {mode}")
    given = {k: options[k] for k in options.keys() & (takes - HOW) if options[k] is not None}
    given = {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}
    try:
        return make(parameters, **{**fixed, **given}, **({} if mode == "default" else {mode: True}))
    except (RuntimeError, ValueError, TypeError) as error:
        raise Unable(f"torch's {name}, {mode}: {error}") from error


def prepare(torch, request):
    rule, options = request["rule"], request["options"]
    arrays, gradients = parameters_of(request), gradients_of(request)
    parameters = [torch.from_numpy(p).requires_grad_() for p in arrays]
    for p, g in zip(parameters, gradients, strict=True):
        p.grad = torch.from_numpy(g)
    answers, calls, refused = {}, {}, []
    for mode in request.get("modes") or MODES:
        begin = parameters_of(request) if request["check"] else arrays
        for p, b in zip(arrays, begin, strict=True):
            p[...] = b
        try:
            optimizer = build(torch, rule, parameters, options, mode)
            gradient_steps(gradients, optimizer.step, request["check"])
        except (Unable, RuntimeError) as error:
            refused.append(str(error))
            continue
        answers[mode] = moved(begin, arrays) if request["check"] else []
        for group in optimizer.param_groups:
            group["lr"] = request["small"]
        calls[mode] = optimizer.step
    if not calls:
        raise Unable(refused[0])
    return {"moved": answers, "same": rule not in ALIKE}, calls


def main():
    options = arguments()
    import torch

    if options.threads:
        torch.set_num_threads(options.threads)

    def about():
        threads, isa = torch.get_num_threads(), torch.backends.cpu.get_cpu_capability()
        return {"version": torch.__version__, "isa": isa, "threads": threads}

    serve(lambda request: prepare(torch, request), about)


if __name__ == "__main__":
    main()
