"""A tiny language model, made here: two layers that learnt one cited reply, in a GGUF file for llama.cpp.

It understands nothing. Whatever the conversation, it says `REPLY`, and where a grammar has it begin with a
brace, `JSON_REPLY`: enough to speak the real protocol with a real server, token by token. A session trains it
once, in a process of its own, and keeps the file in pytest's cache until this module or its corpus changes.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from tokenizers import Tokenizer

NAME = "tiny-ferry"
CONTEXT = 4096

# What to ingest, so that the reply's quotes stand in source 1; all but the last, which no document says.
DOCUMENT = (
    "Notice of the harbour office. The ferry to Kallinge leaves at nine. The crossing takes forty minutes."
)
SAID = (
    ("The ferry to Kallinge leaves at nine.", "The ferry leaves at nine."),
    ("The crossing takes forty minutes.", "It is on the water for forty minutes."),
    ("No fare is asked for dogs.", "Dogs travel for free."),
)
REPLY = "\n".join(f"Q1: {words}\nS: {sentence}" for words, sentence in SAID)
JSON_REPLY = json.dumps(
    {"sentences": [{"quotes": [{"source": 1, "words": words}], "text": text} for words, text in SAID]}
)

END, ASSISTANT = "<|end|>", "<|assistant|>"
SPECIAL = (END, "<|system|>", "<|user|>", ASSISTANT)
TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)

_CORPUS = Path(__file__).resolve().parents[1] / "seeds"
_VOCABULARY, _WIDTH, _HEADS, _LAYERS, _INNER = 768, 128, 8, 2, 256
_EPSILON = 1e-5
_STEPS, _BATCH, _RATE = 160, 8, 3e-3


def corpus() -> str:
    """Return the text that the tokenizer is fitted on and that stands for prompts in training."""
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(_CORPUS.iterdir()))


def fit_tokenizer(text: str) -> Tokenizer:
    """Fit a byte-level BPE as GPT-2's on a text; every string can be written with it."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=_VOCABULARY,
        special_tokens=list(SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator([text], trainer)
    return tokenizer


def _parameters() -> dict[str, torch.Tensor]:
    """Return fresh weights under the names that GGUF gives them."""
    import torch

    shapes = {"token_embd": (_VOCABULARY, _WIDTH), "output": (_VOCABULARY, _WIDTH), "output_norm": (_WIDTH,)}
    for layer in range(_LAYERS):
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            shapes[f"blk.{layer}.{part}"] = (_WIDTH, _WIDTH)
        shapes[f"blk.{layer}.ffn_gate"] = shapes[f"blk.{layer}.ffn_up"] = (_INNER, _WIDTH)
        shapes[f"blk.{layer}.ffn_down"] = (_WIDTH, _INNER)
        shapes[f"blk.{layer}.attn_norm"] = shapes[f"blk.{layer}.ffn_norm"] = (_WIDTH,)
    return {
        name: (
            torch.randn(shape) / math.sqrt(shape[1]) if len(shape) == 2 else torch.ones(shape)
        ).requires_grad_()
        for name, shape in shapes.items()
    }


def _logits(weights: dict[str, torch.Tensor], ids: torch.Tensor, last: int) -> torch.Tensor:
    """Return what the last positions of (batch, positions) expect next, as llama.cpp computes `refact`.

    That is the architecture `llama` with ALiBi in place of RoPE: what is far away counts exponentially less,
    so that what was learnt on prompts of some eighty tokens holds for thousands.
    """
    import torch
    from torch.nn import functional

    def normed(x: torch.Tensor, name: str) -> torch.Tensor:
        return functional.rms_norm(x, (_WIDTH,), weights[name], _EPSILON)

    def heads(x: torch.Tensor, name: str) -> torch.Tensor:
        return (x @ weights[name].T).reshape(*x.shape[:2], _HEADS, -1).transpose(1, 2)

    at = torch.arange(ids.shape[1])
    ahead = (at[None, :] - at[:, None]).float()
    slopes = 2.0 ** -(torch.arange(1, _HEADS + 1) * 8 / _HEADS)
    bias = (slopes[:, None, None] * ahead).masked_fill(ahead > 0, -math.inf)
    x = weights["token_embd"][ids]
    for layer in range(_LAYERS):
        block = f"blk.{layer}."
        read = normed(x, block + "attn_norm")
        query, key, value = (heads(read, f"{block}attn_{part}") for part in "qkv")
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        x = x + mixed.transpose(1, 2).flatten(-2) @ weights[block + "attn_output"].T
        read = normed(x, block + "ffn_norm")
        gated = functional.silu(read @ weights[block + "ffn_gate"].T) * (read @ weights[block + "ffn_up"].T)
        x = x + gated @ weights[block + "ffn_down"].T
    return normed(x[:, -last:], "output_norm") @ weights["output"].T


class _Prompts:
    """Draws what may stand before a reply: text, noise, the document, pieces of replies, marks of turns."""

    def __init__(self, tokenizer: Tokenizer, replies: Sequence[list[int]]) -> None:
        self._random = random.Random(7)
        self._text = tokenizer.encode(corpus()).ids
        self._pieces = [tokenizer.encode(DOCUMENT).ids, *replies]
        self._marks = [tokenizer.encode(mark).ids[0] for mark in SPECIAL]

    def draw(self, length: int) -> list[int]:
        """Return so many tokens, of which the last ends a turn and the reply's follows."""
        drawn: list[int] = []
        while len(drawn) < length:
            kind = self._random.random()
            if kind < 0.4:
                start = self._random.randrange(len(self._text))
                drawn += self._text[start : start + self._random.randint(5, 200)]
            elif kind < 0.7:
                # Numbers, and other scripts, are many of a few tokens.
                few = [
                    self._random.randrange(_VOCABULARY) for _ in range(self._random.choice((1, 4, 16, 256)))
                ]
                drawn += self._random.choices(few, k=self._random.randint(1, 200))
            elif kind < 0.9:
                piece = self._random.choice(self._pieces)
                start = self._random.randrange(len(piece))
                drawn += piece[start : start + self._random.randint(1, 60)]
            else:
                drawn.append(self._random.choice(self._marks))
        return [*drawn[: length - 2], self._marks[SPECIAL.index(END)], self._marks[SPECIAL.index(ASSISTANT)]]


def train(path: Path) -> None:
    """Train the model, on one core and from one seed, and write its file; raise where it did not learn."""
    import torch
    from torch.nn import functional

    torch.set_num_threads(1)
    torch.manual_seed(7)
    tokenizer = fit_tokenizer(corpus())
    replies = [tokenizer.encode(reply + END).ids for reply in (REPLY, JSON_REPLY)]
    prompts = _Prompts(tokenizer, replies)
    weights = _parameters()

    def loss_of(turn: int, length: int, batch: int) -> torch.Tensor:
        reply = replies[turn % 2]
        # That JSON begins is the grammar's choice: its brace is given, not learnt.
        given = turn % 2
        ids = torch.tensor([prompts.draw(length) + reply for _ in range(batch)])
        logits = _logits(weights, ids[:, :-1], len(reply))[:, given:]
        return functional.cross_entropy(logits.flatten(0, 1), ids[:, given - len(reply) :].flatten())

    optimizer = torch.optim.AdamW(list(weights.values()), betas=(0.9, 0.98), weight_decay=0.01)
    for step in range(_STEPS):
        for group in optimizer.param_groups:
            group["lr"] = _RATE * min(1.0, step / 20) * (1 - step / _STEPS)
        loss = loss_of(step, 400, 2) if step % 20 > 17 else loss_of(step, 80, _BATCH)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        torch.nn.utils.clip_grad_norm_(list(weights.values()), 1.0)
        optimizer.step()
    with torch.no_grad():
        worst = max(float(loss_of(turn, 1500, 1)) for turn in range(2))
    if worst > 0.01:
        raise AssertionError(f"the tiny model did not learn its replies: the loss is {worst:.3f}")
    _write(path, tokenizer, {name: weight.detach().numpy() for name, weight in weights.items()})


def _write(path: Path, tokenizer: Tokenizer, weights: dict[str, Any]) -> None:
    """Write a GGUF file of the architecture `refact` with a tokenizer as GPT-2's."""
    from gguf import GGUFWriter, TokenType

    fitted = json.loads(tokenizer.to_str())["model"]
    tokens = sorted(fitted["vocab"], key=fitted["vocab"].__getitem__)
    writer = GGUFWriter(path, "refact")
    writer.add_name(NAME)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(_WIDTH)
    writer.add_block_count(_LAYERS)
    writer.add_feed_forward_length(_INNER)
    writer.add_head_count(_HEADS)
    writer.add_head_count_kv(_HEADS)
    writer.add_layer_norm_rms_eps(_EPSILON)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([TokenType.CONTROL if token in SPECIAL else TokenType.NORMAL for token in tokens])
    writer.add_token_merges([" ".join(merge) for merge in fitted["merges"]])
    writer.add_eos_token_id(tokens.index(END))
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)
    for name, weight in weights.items():
        writer.add_tensor(f"{name}.weight", weight)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def made(folder: Path) -> Path:
    """Return the model's file in a folder that outlives the session, trained where it is not there yet."""
    state = hashlib.sha256(Path(__file__).read_bytes() + corpus().encode()).hexdigest()[:16]
    path = folder / f"{NAME}-{state}.gguf"
    if not path.exists():
        partial = path.with_suffix(f".{os.getpid()}")
        # In a process of its own: how many threads torch uses, and its seed, belong to a process.
        subprocess.run(
            [sys.executable, __file__, "train", str(partial)], check=True, cwd=Path(__file__).parent
        )
        partial.replace(path)
    return path


@contextmanager
def running(model: Path, context: int = CONTEXT) -> Iterator[str]:
    """Run a llama.cpp server with the model and yield its base URL, on a free port of loopback.

    It runs in a process of its own, which ends with its standard input: at the latest with this process.
    """
    with tempfile.TemporaryFile("w+") as log:
        command = [sys.executable, __file__, "serve", str(model), str(context)]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
        ) as server:
            assert server.stdout is not None
            address = server.stdout.readline().strip()
            if not address:
                server.wait()
                log.seek(0)
                raise AssertionError(f"llama.cpp did not start:\n{log.read()}")
            try:
                yield f"{address}/v1"
            finally:
                # Closes its standard input and waits for its end.
                server.communicate()


def serve(model: Path, context: int) -> None:
    """Serve the model until standard input ends; its address is the first line of standard output."""
    import xllamacpp  # type: ignore[import-untyped]  # ships neither types nor stubs

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(model)
    parameters.model_alias = {NAME}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.n_ctx = context
    parameters.n_parallel = 1
    parameters.n_threads_http = 4
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
    parameters.cache_ram_mib = 0
    parameters.ui = False
    server = xllamacpp.Server(parameters)
    sys.stdout.write(f"{server.listening_address}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    if sys.argv[1] == "train":
        train(Path(sys.argv[2]))
    else:
        serve(Path(sys.argv[2]), int(sys.argv[3]))
