"""fit: the training loop, to be read as the example it is. What it is made of has files of its own beside this one."""

from .interrupt import interruptible
from .run import Run

__all__ = ["fit"]


def fit(
    model,
    data,
    loss=None,
    optimizer=None,
    epochs=10,
    validation=None,
    callbacks=(),
    metrics=(),
    *,
    batch_size=32,
    seed=None,
    capture="auto",
    progress=True,
    resume=None,
    schedule=None,
    scaler=None,
    averages=None,
):
    """Trains a model, and returns the `History` of its losses and metrics.

    data        (x, y), arrays, tensors or tables of N rows: shuffled batches of `batch_size`; or a Dataset or a list of
                tuples; or a DataLoader, whose batch size, order and augmentation are then its own. Of more than two
                arrays the last is the target, the others are the model's arguments. Floats take the parameters' dtype
    loss        loss(outputs, target); cross_entropy for integer targets, mse_loss for floats, unless given
    optimizer   an Optimizer, or a function of the parameters that makes one; Adam, unless given
    epochs      how often the data are gone through, those of a resumed run included
    validation  data as above, or the share of (x, y) that is kept for it: at random by `seed` (0 if None), each class
                with the same share. The model is scored on it after each epoch, in evaluation mode
    callbacks   see `Callback`
    metrics     functions of outputs and targets (arrays), or their names; accuracy is there for integer targets anyway.
                In training the mean over the batches of an epoch, in validation of all rows at once
    seed        of the order of the rows; drawn from fastgrad's generator, which `manual_seed` starts, unless given
    capture     "auto": the step is recorded and replayed from C as long as it can be, and eager from the batch on where
                it cannot; `History.why_eager` says why. True: CaptureError there. False: eager. The bits are the same.
                What Python alone decides in a model (its own counters and generators) is decided once: give False
    progress    True: a bar, on a terminal; "epochs": a printed line an epoch, anywhere; False: nothing
    resume      a file of `Checkpoint` or `save_training`: the run goes on where that one was, to the same bits
    schedule    an lr_scheduler, or a function that makes one of the optimizer: stepped once an epoch or a batch, as its
                ``unit`` says; ReduceLROnPlateau sees the validation loss, without validation the training loss. Or one
                of `fastgrad.optim.schedules`
    scaler      is fitted to the inputs of the training part and scales both parts, which are arrays then. With datasets
                and loaders, one that is fitted already is only kept with the run
    averages    `EMA`, updated after each batch, or `SWA`, after each epoch; or a function that makes one of the
                parameters. Validation then scores the averages

    Ctrl-C ends the run after the batch, and leaves the model as it is then; a second one raises. A loss that is NaN or
    infinite ends it too, with a RuntimeWarning that names batch and epoch; with an optimizer of nonfinite="skip" the
    run goes on, and the mean of that epoch is not finite either.
    `History.stopped` says why a run ended early. The model is left in training mode, as a loop would leave it;
    `predict` and `evaluate` see to the mode themselves.
    Errors: ValueError and TypeError for what does not fit together, before the model is changed.

    >>> import numpy as np, fastgrad as fg
    >>> _ = fg.manual_seed(0)
    >>> x = np.linspace(-1, 1, 200, dtype=np.float32)[:, None]
    >>> net = fg.nn.Sequential(fg.nn.Linear(1, 32), fg.nn.Tanh(), fg.nn.Linear(32, 1))
    >>> history = fg.fit(net, (x, np.sin(3 * x)), epochs=60, validation=0.2, optimizer=lambda p: fg.optim.Adam(p, 0.01))
    >>> bool(history["val_loss"][-1] < 0.01)
    True
    """
    run = Run(model, data, validation, batch_size=batch_size, seed=seed, scaler=scaler, epochs=epochs)
    run.equip(loss, optimizer, metrics, schedule, averages, callbacks, capture)
    with interruptible(run.stop), run.shown(progress), run.resources:
        run.begin(resume)
        step = run.make_step()
        while run.epoch < run.epochs and run.stopped is None:
            if train_epoch(run, step):
                finish_epoch(run)
        run.end()
    return run.history


def train_epoch(run, step):
    """All batches of an epoch, or those that a resumed run has left of it. Returns whether it is complete."""
    run.model.train()
    run.begin_epoch()
    if run.stopped is not None:
        return False
    for batch in run.loader:
        loss, outputs = step(*batch)
        run.count(float(loss), outputs, batch[-1])
        for each in run.after_batch:
            each(run)
        if run.stopped is not None and run.batch < run.batches:
            return False
    return True


def finish_epoch(run):
    """The numbers of an epoch: means over its batches, the validation's, and the rate it began with."""
    run.average_epoch()
    numbers = {**run.logs, **run.validate(), "lr": run.lr}
    run.end_epoch(numbers)
    run.step_schedule(numbers)
    run.call("on_epoch_end")
