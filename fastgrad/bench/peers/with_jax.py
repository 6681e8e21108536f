"""optax's rules, compiled by jax: one call updates all parameters and hands their memory on."""

from .serve import SCALES, Unable, arguments, gradients_of, moved, parameters_of, serve

# Our rule -> optax's, and which of its arguments are which of our options. A third entry are arguments fixed here.
# optax counts initial_accumulator_value and eps of its adagrad otherwise; these are the values that make the same rule.
MOMENTS = {"b1": ("betas", 0), "b2": ("betas", 1), "eps": ("eps",)}
DECAYED = {**MOMENTS, "weight_decay": ("weight_decay",)}
RULES: dict = {
    "SGD": ("sgd", {}),
    "Momentum": ("sgd", {"momentum": ("momentum",)}),
    "Nesterov": ("sgd", {"momentum": ("momentum",)}, {"nesterov": True}),
    "Adagrad": ("adagrad", {"eps": ("eps",)}, {"initial_accumulator_value": 0.0}),
    "RMSprop": ("rmsprop", {"decay": ("alpha",), "eps": ("eps",)}, {"eps_in_sqrt": False}),
    "Adadelta": ("adadelta", {"rho": ("rho",), "eps": ("eps",)}),
    "Adam": ("adam", MOMENTS),
    "AdamW": ("adamw", DECAYED),
    "Adamax": ("adamax", MOMENTS),
    "NAdam": ("nadam", MOMENTS),
    "RAdam": ("radam", MOMENTS),
    "Rprop": ("rprop", {"eta_minus": ("etas", 0), "eta_plus": ("etas", 1)}),
    "Lion": ("lion", {"b1": ("betas", 0), "b2": ("betas", 1), "weight_decay": ("weight_decay",)}),
    "LAMB": ("lamb", DECAYED),
    "LARS": ("lars", {"momentum": ("momentum",), "weight_decay": ("weight_decay",)}),
    "Adafactor": ("adafactor", {}),
    "Muon": ("contrib.muon", {}),
}
SAME = {"SGD", "Momentum", "Nesterov", "Adagrad", "RMSprop", "Adadelta", "Adam", "AdamW", "Adamax", "RAdam", "Lion"}
# The others are alike: another schedule, another trust ratio, another first step. Timed, not compared.


def build(optax, rule, lr, options):
    """optax's transformation for a rule of ours; Unable where it has none."""
    if rule not in RULES:
        raise Unable("optax has no such rule")
    name, names, *fixed = RULES[rule]
    make = optax
    for part in name.split("."):
        make = getattr(make, part, None)
    if make is None:
        raise Unable("this optax has no such rule")
    given = {}
    for theirs, (ours, *index) in names.items():
        if ours in options:
            given[theirs] = options[ours][index[0]] if index else options[ours]
    return make(lr, **{**given, **(fixed[0] if fixed else {})})


class Run:
    """Parameters, state, and one compiled step over them."""

    def __init__(self, jax, optax, rule, lr, options, parameters, gradients):
        self.jax = jax
        self.p, self.g = [jax.numpy.array(p) for p in parameters], [jax.numpy.array(g) for g in gradients]
        transformation = build(optax, rule, lr, options)
        self.state = transformation.init(self.p)

        def update(p, state, g):
            change, state = transformation.update(g, state, p)
            return optax.apply_updates(p, change), state

        self.update = jax.jit(update, donate_argnums=(0, 1))

    def step(self):
        self.p, self.state = self.jax.block_until_ready(self.update(self.p, self.state, self.g))


def three_steps(jax, optax, request, parameters, gradients):
    """How far the steps that are checked have moved the parameters."""
    options = request["options"]
    run = Run(jax, optax, request["rule"], options.get("lr", 1e-3), options, parameters, gradients)
    for scale in SCALES:
        run.g = [jax.numpy.array(g) * scale for g in gradients]
        run.step()
    return moved(parameters, [jax.device_get(p) for p in run.p])


def prepare(jax, optax, request):
    rule, options = request["rule"], request["options"]
    parameters, gradients = parameters_of(request), gradients_of(request)
    try:
        answer = three_steps(jax, optax, request, parameters, gradients) if request["check"] else []
        run = Run(jax, optax, rule, request["small"], options, parameters, gradients)
    except (TypeError, ValueError, RuntimeError) as error:
        raise Unable(f"optax's {rule}: {str(error).splitlines()[0]}") from error
    return {"moved": {"optax": answer}, "same": rule in SAME}, {"optax": run.step}


def main():
    arguments()
    import jax
    import optax

    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_platforms", "cpu")
    serve(
        lambda request: prepare(jax, optax, request),
        lambda: {"version": jax.__version__, "optax": optax.__version__},
    )


if __name__ == "__main__":
    main()
