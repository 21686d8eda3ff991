"""The reading network in torch: a BERT encoder with four numbers a token, and the loss it is trained by.

The span is scored as by Devlin et al. ("BERT", NAACL 2019), `[CLS]` standing for "no answer"; where
several places hold the answer their likelihood is summed (Clark and Gardner, "Simple and effective
multi-paragraph reading comprehension", ACL 2018), so that no one of them has to be named. A sentence's
score is the mean of its tokens' third number, against that of `[CLS]`. The fourth number of `[CLS]` is
the log-odds that the passage answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import BertModel

from index.embedding.compiling import deaf
from rag.reading.outputs import END, EVIDENCE, RELEVANCE, START
from rag.reading.training.features import Arrays

OUTPUTS = RELEVANCE + 1
_DROPOUT = 0.05
_SENTENCE_WEIGHT = 1.0
_RELEVANCE_WEIGHT = 0.5


@dataclass(frozen=True, slots=True)
class Losses:
    """The parts of a batch's loss, each a mean over its examples."""

    span: Tensor
    sentence: Tensor
    relevance: Tensor

    @property
    def total(self) -> Tensor:
        """What is minimised."""
        return self.span + _SENTENCE_WEIGHT * self.sentence + _RELEVANCE_WEIGHT * self.relevance


class ReadingNetwork(nn.Module):
    """A BERT encoder begun from a sentence-transformers model's, and a linear layer over its tokens."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        # The fused attention of torch takes three times as long backwards on a CPU.
        with deaf():
            self.encoder = BertModel.from_pretrained(
                folder, attn_implementation="eager", add_pooling_layer=False
            )
        for name, module in self.encoder.named_modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0 if "attention.self" in name else _DROPOUT
        self.head = nn.Linear(self.encoder.config.hidden_size, OUTPUTS)
        nn.init.normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    def forward(self, ids: Tensor, mask: Tensor, types: Tensor) -> Tensor:
        """Return the numbers of each token, of shape (b, n, OUTPUTS), from inputs of shape (b, n)."""
        found = self.encoder(input_ids=ids, attention_mask=mask, token_type_ids=types)
        scores: Tensor = self.head(found.last_hidden_state)
        return scores.float()

    def layers(self) -> list[list[nn.Parameter]]:
        """Return the parameters by depth: embeddings first, the head last."""
        blocks = [self.encoder.embeddings, *self.encoder.encoder.layer, self.head]
        return [list(block.parameters()) for block in blocks]


def losses(scores: Tensor, batch: Arrays) -> Losses:
    """Return the losses of a batch's scores, of shape (b, n, OUTPUTS)."""
    mask, types = torch.from_numpy(batch.mask), torch.from_numpy(batch.types)
    # The answer stands in the passage or, for "no answer", at place 0.
    allowed = (types * mask).bool()
    allowed[:, 0] = True
    has_span = torch.from_numpy(batch.has_span)
    span = torch.stack(
        [
            _nll(scores[..., number].masked_fill(~allowed, -1e4), torch.from_numpy(right))
            for number, right in ((START, batch.starts), (END, batch.ends))
        ]
    ).mean(0)
    sentence = _nll(sentence_scores(scores, batch), torch.from_numpy(batch.evidence))
    answerable = torch.from_numpy(~batch.evidence[:, 0]).float()
    return Losses(
        span=(span * has_span).sum() / has_span.sum().clamp(min=1),
        sentence=sentence.mean(),
        relevance=functional.binary_cross_entropy_with_logits(scores[:, 0, RELEVANCE], answerable),
    )


def sentence_scores(scores: Tensor, batch: Arrays) -> Tensor:
    """Return the score of "no answer" and of each sentence, of shape (b, 1 + s); -1e4 where there is none."""
    places = torch.from_numpy(batch.sentence_of)
    shape = (len(places), 1 + batch.sentences)
    sums = torch.zeros(shape).scatter_add(1, places, scores[..., EVIDENCE])
    counts = torch.zeros(shape).scatter_add(1, places, torch.ones_like(scores[..., EVIDENCE]))
    means = sums / counts.clamp(min=1)
    means = means.masked_fill(counts == 0, -1e4)
    return torch.cat([scores[:, :1, EVIDENCE], means[:, 1:]], dim=1)


def _nll(scores: Tensor, right: Tensor) -> Tensor:
    return torch.logsumexp(scores, 1) - torch.logsumexp(scores.masked_fill(~right, -1e4), 1)
