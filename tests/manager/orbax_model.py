"""orbax_model.py: real Orbax behind the commands of model.cpp. One JSON object a line in, one out.

A stop raises where the process of the C++ side dies, and what is left on the disk is all that the next "open" finds.
"""
import datetime
import json
import logging
import os
import sys
import types

os.environ.update(JAX_PLATFORMS="cpu", TF_CPP_MIN_LOG_LEVEL="3")
logging.disable(logging.CRITICAL)
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what the libraries print is no answer

import numpy as np
import orbax.checkpoint as ocp
from orbax.checkpoint import checkpoint_manager as cm

EPOCH = datetime.datetime.fromtimestamp(0, tz=datetime.timezone.utc)


class Stop(RuntimeError):
    pass


def loss(metrics):
    return metrics["loss"]


def infos(steps):
    return [types.SimpleNamespace(step=step, time=EPOCH + datetime.timedelta(seconds=seconds), metrics=None if value is None else {"loss": value},
                                  is_locked=None) for step, seconds, value in steps]


def preservation_policy(spec):
    from orbax.checkpoint._src.checkpoint_managers import preservation_policy as policies
    spec = dict(spec)
    kind = spec.pop("kind")
    if kind == "AnyPreservationPolicy":
        return policies.AnyPreservationPolicy([preservation_policy(below) for below in spec["policies"]])
    if kind == "BestN":
        spec["get_metric_fn"] = loss
    if kind == "LatestDuration":
        spec["duration"] = datetime.timedelta(seconds=spec["duration"])
    return getattr(policies, kind)(**spec)


def save_policy(spec):
    from orbax.checkpoint._src.checkpoint_managers import save_decision_policy as policies
    spec = dict(spec)
    kind = spec.pop("kind")
    if kind == "AnySavePolicy":
        return policies.AnySavePolicy([save_policy(below) for below in spec["policies"]])
    return getattr(policies, kind)(**spec)


def options(spec):
    spec = {key: value for key, value in spec.items() if key != "async"}
    if spec.pop("best", False):
        spec["best_fn"] = loss
    if "keep_time_interval" in spec:
        spec["keep_time_interval"] = datetime.timedelta(seconds=spec["keep_time_interval"])
    if "preservation_policy" in spec:
        spec["preservation_policy"] = preservation_policy(spec["preservation_policy"])
    return spec


def keep(command):
    """The policy at that time; LatestDuration asks the clock itself."""
    from orbax.checkpoint._src.checkpoint_managers import preservation_policy as policies

    class Clock(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return EPOCH + datetime.timedelta(seconds=command["now"])

    steps = infos(command["steps"])
    policies.datetime = types.SimpleNamespace(datetime=Clock, timedelta=datetime.timedelta, timezone=datetime.timezone)
    try:
        stays = preservation_policy(command["policy"]).should_preserve(steps, context=policies.PreservationContext())
    finally:
        policies.datetime = datetime
    return [info.step for info, stay in zip(steps, stays) if stay]


def keep_classic(command):
    """What the options of before there were policies keep."""
    manager = object.__new__(cm.CheckpointManager)
    manager._options = cm.CheckpointManagerOptions(**options(command["options"]))
    manager._checkpoints = cm.CheckpointInfos() if hasattr(cm, "CheckpointInfos") else None
    from orbax.checkpoint._src.metadata import checkpoint_info
    steps = [checkpoint_info.CheckpointInfo(info.step, info.time, info.metrics) for info in infos(command["steps"])]
    manager._checkpoints = checkpoint_info.CheckpointInfos(steps)
    gone = manager._get_old_steps_to_remove()
    return [info.step for info in steps if info.step not in gone]


def decide(command):
    from orbax.checkpoint._src.checkpoint_managers import save_decision_policy as policies
    context = policies.DecisionContext(is_saving_in_progress=command.get("saving", False), reached_preemption=command.get("preempted", False),
                                       multiprocessing_options=ocp.options.MultiprocessingOptions())
    return bool(save_policy(command["policy"]).should_save(infos(command["step"])[0], infos(command["steps"]), context=context))


class Model:
    def __init__(self):
        self.manager, self.dead = None, False

    def open(self, command):
        if self.manager is not None and not self.dead:
            self.manager.close()
        self.dead, self.root = False, command["root"]
        self.manager = cm.CheckpointManager(command["root"], options=cm.CheckpointManagerOptions(enable_async_checkpointing=False,
                                                                                                **options(command["options"])))

    def save(self, command):
        metrics = None if command.get("loss") is None else {"loss": command["loss"]}
        stop, undo = command.get("stop"), None
        if stop == "before commit":
            undo = self.stop_before_commit()
        elif stop:
            self.stop_at_deletion(1 if stop == "during deletion" else 0)
        try:
            return self.manager.save(command["step"], args=ocp.args.PyTreeSave({"a": np.full(3, command["step"])}), metrics=metrics,
                                     force=command.get("force", False))
        except (Stop, cm.StepAlreadyExistsError):
            if not stop:
                raise
            return None
        finally:
            self.dead = bool(stop)
            if undo:
                undo()

    def stop_before_commit(self):
        from orbax.checkpoint._src.path import atomicity
        original, root = atomicity.AtomicRenameTemporaryPath.finalize, self.root

        def finalize(path, *args, **kwargs):
            if str(path.get_final().parent) == root:
                raise Stop
            return original(path, *args, **kwargs)

        def undo():
            atomicity.AtomicRenameTemporaryPath.finalize = original

        atomicity.AtomicRenameTemporaryPath.finalize = finalize
        return undo

    def stop_at_deletion(self, after):
        deleter = self.manager._checkpoint_deleter

        def delete_steps(steps):
            for step in steps[:after]:
                deleter.delete(step)
            raise Stop

        deleter.delete_steps = delete_steps

    def answer(self, command):
        op = command["op"]
        if op in ("keep", "keep_classic", "decide"):
            return {"keep": keep, "keep_classic": keep_classic, "decide": decide}[op](command)
        result = None
        try:
            if op == "open":
                self.open(command)
            elif op == "save":
                result = self.save(command)
            elif op == "delete":
                self.manager.delete(command["step"])
            elif op == "reload":
                self.manager.reload()
        except cm.StepAlreadyExistsError:
            result = "exists"
        except FileNotFoundError:
            result = "not found"
        return {"result": result, "steps": sorted(self.manager.all_steps()), "latest": self.manager.latest_step(),
                "best": self.manager.best_step()}


model = Model()
for line in sys.stdin:
    answers.write(json.dumps(model.answer(json.loads(line))) + "\n")
    answers.flush()
