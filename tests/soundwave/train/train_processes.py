"""Several processes of one training, on this machine."""

import multiprocessing
import os
import signal
import socket
import sys

TIMEOUT = 1800  # seconds for a launch, which takes about ten on a machine that does nothing else
IMPORTS = [  # half a minute of them: done once, in the process that all others are forked from
    "accelerate",
    "curation.catalog",
    "peft",
    "soundwave.model.speech_llm",
    "soundwave.train.loop",
    "soundwave.train.batches.samples",
    "transformers.models.llama.modeling_llama",
]


def launch(jobs, world, folder):
    """Run jobs (settings, plan, output, init, kill) one after the other in `world` processes; their exit codes.

    kill: the last process kills itself at that step of the job. What process N prints is in folder/log-N.txt.
    """
    folder.mkdir(parents=True, exist_ok=True)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTS)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {"WORLD_SIZE": world, "LOCAL_WORLD_SIZE": world, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    processes = []
    for rank in range(world):
        places = {name: str(value) for name, value in {**shared, "RANK": rank, "LOCAL_RANK": rank}.items()}
        processes.append(context.Process(target=work, args=(jobs, places, folder / f"log-{rank}.txt"), daemon=True))
    for process in processes:
        process.start()
    try:
        for process in processes:
            process.join(TIMEOUT)
        return [process.exitcode for process in processes]
    finally:
        for process in processes:
            process.kill()


def work(jobs, places, log):
    """Be one of the processes."""
    from soundwave.train.distributed.processes import leave

    with log.open("w") as stream:
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", buffering=1) for number in (1, 2))
    os.environ.update(places | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""})
    for job in jobs:
        run(job)
    leave()


def assert_close(ours, theirs, tolerance):
    """Rows equal but for rounding of their floats."""
    assert len(ours) == len(theirs)
    for one, two in zip(ours, theirs, strict=True):
        assert one.keys() == two.keys()
        for name, value in one.items():
            rounds = isinstance(value, float) and isinstance(two[name], float)
            near = rounds and abs(value - two[name]) <= tolerance * max(1.0, abs(two[name]))
            assert near or value == two[name], (name, one, two)


def run(job):
    """One job in this process."""
    from soundwave.train.loop import Trainer, train
    from soundwave.train.settings import StageSettings

    kill, real, train_on = job.get("kill"), Trainer.step, Trainer.run

    def telling(self, info):
        layers = list(self.model.llm.model.layers.parameters())
        held = sum((value.to_local() if hasattr(value, "to_local") else value).numel() for value in layers)
        print(f"{info.run}: {held / sum(value.numel() for value in layers):.2f} of the layers", flush=True)
        train_on(self, info)

    Trainer.run = telling
    if kill is not None and int(os.environ["RANK"]) + 1 == int(os.environ["WORLD_SIZE"]):

        def stopping(self, number):
            if number == kill:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(self, number)

        Trainer.step = stopping
    train(StageSettings(**job["settings"]), plan=job["plan"], output=job["output"], init=job.get("init"))
    Trainer.step, Trainer.run = real, train_on
