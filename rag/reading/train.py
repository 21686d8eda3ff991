"""Trains the reader: `python -m rag.reading.train --data DIR --work DIR`.

One command from the public data to a weights file. It runs on two cores in bf16 (some three thousand
tokens a second), writes a checkpoint every few minutes, and goes on from the last one when it is started
again. AdamW, a rate that grows over the first steps and then falls linearly to nothing, lower layers at
lower rates (Howard and Ruder, 2018), and the running mean of the weights as the result (Polyak averaging).
"""

from __future__ import annotations

import argparse
import ctypes
import json
import random
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from index.embedding.model_files import PACKAGED_MODEL, find_model
from rag.reading.network import WEIGHTS_FILE
from rag.reading.pairs import PairTokenizer
from rag.reading.training.card import card, commit
from rag.reading.training.development import Development
from rag.reading.training.features import arrays, batches, features, tokens_of
from rag.reading.training.network import ReadingNetwork, losses
from rag.reading.training.passes import Passes, TrainingData
from rag.reading.training.sources import DEVELOPMENT_TITLES
from rag.reading.weights import save_weights

_BATCH_TOKENS = 6144
_WARM_UP = 0.06
_LAYER_DECAY = 0.93
_WEIGHT_DECAY = 0.01
# In steps.
_AVERAGE_EVERY = 4
_AVERAGED_OVER = 400
_CHECKPOINT_EVERY = 100
_MEASURE_EVERY = 300


@dataclass(frozen=True, slots=True)
class Plan:
    """How a run goes: `tokens` in all, the highest `rate`, questions a part (`sample`, None: all)."""

    tokens: int = 14_000_000
    rate: float = 2e-4
    seed: int = 1
    sample: int | None = None
    development: int = 500


@dataclass(slots=True)
class Progress:
    """Where a run is: tokens read, and the next batch of which pass."""

    tokens: int = 0
    steps: int = 0
    number: int = 0
    batch: int = 0
    log: list[dict[str, Any]] = field(default_factory=list)


class Training:
    """A run, from its beginning or from the checkpoint in `work`."""

    def __init__(self, data: TrainingData, plan: Plan, work: Path, tell: Callable[[str], None]) -> None:
        torch.manual_seed(plan.seed)
        self._plan = plan
        self._work = work
        self._tell = tell
        self._data = data
        folder = find_model(PACKAGED_MODEL)
        self._tokenizer = PairTokenizer(folder / "tokenizer.json")
        self.network = ReadingNetwork(folder).train()
        self.mean = {name: value.clone() for name, value in self.network.state_dict().items()}
        layers = self.network.layers()
        # Of each group, the rate that its depth scales.
        self._rates = [plan.rate * _LAYER_DECAY ** (len(layers) - 1 - depth) for depth in range(len(layers))]
        self._optimizer = torch.optim.AdamW(
            [{"params": layer} for layer in layers], lr=plan.rate, weight_decay=_WEIGHT_DECAY, fused=True
        )
        self._development = Development.of(data.development, self._tokenizer, plan.development)
        self.progress = Progress()

    @property
    def _checkpoint(self) -> Path:
        return self._work / "checkpoint.pt"

    def resume(self) -> None:
        """Go on from the checkpoint of a run with the same plan, if there is one."""
        if not self._checkpoint.is_file():
            return
        # Of our own making; `weights_only` keeps it to tensors and plain values.
        state = torch.load(self._checkpoint, weights_only=True)
        if state["plan"] != asdict(self._plan):
            raise ValueError(
                f"{self._work} holds a run of another plan: {state['plan']}; name another folder"
            )
        self.network.load_state_dict(state["network"])
        self.mean = state["mean"]
        self._optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"])
        self.progress = Progress(**state["progress"])
        self._tell(f"going on from step {self.progress.steps}")

    def run(self) -> None:
        """Train until the planned tokens are read; the mean of the weights is then the network's."""
        passes = Passes(self._data, self._plan.seed)
        started = time.monotonic()
        begun_at = self.progress.tokens
        while self.progress.tokens < self._plan.tokens:
            read = features(passes.examples(self.progress.number), self._tokenizer)
            seed = f"{self._plan.seed}/{self.progress.number}/batches"
            rng = random.Random(seed)  # noqa: S311 - reproducible, not secret
            every = batches(read, _BATCH_TOKENS, rng)
            for batch in every[self.progress.batch :]:
                found = self._step(batch)
                self.progress.batch += 1
                if self.progress.steps % 20 == 0:
                    rate = (self.progress.tokens - begun_at) / (time.monotonic() - started)
                    parts = ", ".join(f"{name} {value:.3f}" for name, value in found.items())
                    read_so_far = f"{self.progress.tokens / 1e6:.2f}M tokens"
                    self._tell(f"step {self.progress.steps}, {read_so_far}, {rate:.0f}/s, {parts}")
                if self.progress.steps % _MEASURE_EVERY == 0:
                    self._measure()
                if self.progress.steps % _CHECKPOINT_EVERY == 0:
                    self._save()
                if self.progress.tokens >= self._plan.tokens:
                    break
            else:
                self.progress.number += 1
                self.progress.batch = 0
        if not self.progress.log or self.progress.log[-1]["step"] != self.progress.steps:
            self._measure()
        self._save()
        self.network.load_state_dict(self.mean)

    def write(self, data: Path) -> Path:
        """Write the network and its card into the folder of the run; return the path of the weights."""
        path = self._work / WEIGHTS_FILE.name
        tensors = {
            name: value.numpy()
            for name, value in self.network.state_dict().items()
            if value.is_floating_point()
        }
        sha256 = save_weights(path, tensors)
        plan = self._plan
        sample = "" if plan.sample is None else f" --sample {plan.sample}"
        record = {
            "size": path.stat().st_size / 1e6,
            "sha256": sha256,
            "command": f"python -m rag.reading.train --data DIR --work DIR --tokens {plan.tokens} "
            f"--rate {plan.rate} --seed {plan.seed}{sample}",
            "commit": commit(),
            "tokens": self.progress.tokens,
            "steps": self.progress.steps,
            "passes": self.progress.number + 1,
            "seed": plan.seed,
            "development": ", ".join(dict.fromkeys(entry.group for entry in self._data.development)),
            "titles": DEVELOPMENT_TITLES,
            "questions": len(self._development.posed),
            "log": self.progress.log,
        }
        (self._work / "MODEL.md").write_text(card(record, data), encoding="utf-8")
        return path

    def _step(self, batch: list[Any]) -> dict[str, float]:
        done = self.progress.tokens / self._plan.tokens
        share = min(done / _WARM_UP, (1 - done) / (1 - _WARM_UP))
        for group, rate in zip(self._optimizer.param_groups, self._rates, strict=True):
            group["lr"] = rate * max(share, 0.005)
        made = arrays(batch)
        inputs = [torch.from_numpy(array) for array in (made.ids, made.mask, made.types)]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            scores = self.network(*inputs)
        found = losses(scores, made)
        found.total.backward()  # type: ignore[no-untyped-call]  # torch is typed in part
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        self.progress.steps += 1
        self.progress.tokens += tokens_of(batch)
        if self.progress.steps % _AVERAGE_EVERY == 0:
            self._average()
        return {name: float(getattr(found, name).detach()) for name in ("span", "sentence", "relevance")}

    def _average(self) -> None:
        # At first the mean of few, so that it forgets where it began.
        over = min(_AVERAGED_OVER, self.progress.steps / 4)
        kept = max(0.0, 1 - _AVERAGE_EVERY / over)
        with torch.no_grad():
            for name, value in self.network.state_dict().items():
                if value.is_floating_point():
                    self.mean[name].lerp_(value, 1 - kept)

    def _measure(self) -> None:
        own = {name: value.clone() for name, value in self.network.state_dict().items()}
        self.network.load_state_dict(self.mean)
        figures = self._development.measure(self.network)
        self.network.load_state_dict(own)
        self.progress.log.append({"step": self.progress.steps, "tokens": self.progress.tokens, **figures})
        self._tell(f"development at step {self.progress.steps}: {json.dumps(figures)}")

    def _save(self) -> None:
        made = self._checkpoint.with_suffix(".making")
        torch.save(
            {
                "plan": asdict(self._plan),
                "network": self.network.state_dict(),
                "mean": self.mean,
                "optimizer": self._optimizer.state_dict(),
                "random": torch.get_rng_state(),
                "progress": asdict(self.progress),
            },
            made,
        )
        made.replace(self._checkpoint)


def _keep_memory() -> None:
    """Have glibc keep what is freed: a step's arrays, mapped anew each time, cost a fifth of its time."""
    keep = {-1: 2**31 - 1, -2: 2**29, -4: 0, -8: 1}  # trim threshold, top pad, mapped blocks, arenas
    try:
        for option, value in keep.items():
            ctypes.CDLL(None).mallopt(option, value)
    except (AttributeError, OSError):
        return


def main(arguments: list[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m rag.reading.train", description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with the public data")
    parser.add_argument("--work", type=Path, required=True, help="folder for checkpoints and the result")
    defaults = Plan()
    parser.add_argument("--tokens", type=int, default=defaults.tokens, help="tokens to train on")
    parser.add_argument("--rate", type=float, default=defaults.rate, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=defaults.seed)
    parser.add_argument("--sample", type=int, help="questions of each part of the data; all unless given")
    given = parser.parse_args(arguments)
    plan = Plan(given.tokens, given.rate, given.seed, given.sample)
    _keep_memory()
    given.work.mkdir(parents=True, exist_ok=True)

    def tell(line: str) -> None:
        sys.stderr.write(f"{time.strftime('%H:%M:%S')} {line}\n")

    training = Training(TrainingData.load(given.data, plan.sample, plan.seed), plan, given.work, tell)
    training.resume()
    training.run()
    tell(f"wrote {training.write(given.data)}")


if __name__ == "__main__":
    main()
