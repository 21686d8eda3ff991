"""Small models of random weights, made with the libraries themselves: real files, loaded in milliseconds."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from index.embedding.model_files import PACKAGED_MODEL, find_model


def small_model(folder: Path, *, architecture: str = "bert", pooling: str = "mean", prompt: str = "") -> Path:
    """Write a sentence-transformers model of two layers, with the packaged model's tokenizer."""
    import torch
    from transformers import AutoConfig, AutoModel

    torch.manual_seed(7)
    sizes: dict[str, Any] = {
        "bert": {
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "intermediate_size": 64,
        },
        "distilbert": {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64},
    }
    config = AutoConfig.for_model(
        architecture, vocab_size=30522, max_position_embeddings=128, **sizes[architecture]
    )
    folder.mkdir(parents=True)
    AutoModel.from_config(config).save_pretrained(folder)
    packaged = find_model(PACKAGED_MODEL)
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"):
        if (packaged / name).is_file():
            shutil.copy(packaged / name, folder)
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 128}))
    (folder / "1_Pooling").mkdir()
    modes = {f"pooling_mode_{mode}": mode == pooling for mode in ("cls_token", "mean_tokens", "max_tokens")}
    modes[f"pooling_mode_{pooling}_tokens" if pooling == "mean" else "pooling_mode_cls_token"] = True
    (folder / "1_Pooling" / "config.json").write_text(
        json.dumps({"word_embedding_dimension": 32, **modes, "include_prompt": True})
    )
    prompts = {"query": prompt and f"query: {prompt}", "passage": prompt}
    (folder / "config_sentence_transformers.json").write_text(json.dumps({"prompts": prompts}))
    return folder
