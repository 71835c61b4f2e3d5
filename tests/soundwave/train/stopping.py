"""Stop a training in the middle of a step, as a killed process would."""

from soundwave.train.loop import Trainer


class Killed(Exception):
    pass


def kill_at(monkeypatch, step):
    """Raise in the middle of step `step`."""
    real = Trainer.step

    def stopping(self, number):
        if number == step:
            raise Killed
        return real(self, number)

    monkeypatch.setattr(Trainer, "step", stopping)
