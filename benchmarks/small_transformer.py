"""A small transformer made in minutes from the texts at hand, for when no pretrained one can be downloaded.

    python benchmarks/small_transformer.py --texts PATH/welfare-ko/corpus.jsonl --texts PATH/sts-ko/train.jsonl \
        --texts PATH/sts-en/train.jsonl --output small-transformer

It is only a stand-in for a pretrained encoder: it has read nothing but the texts it is then measured on. Tokens and
their vectors are those of a starter made from the texts. Two layers of ModernBERT above them start as the identity and
learn to fill in masked tokens, while the mean over a masked text stays near the starter's vector of the full text.
Without that constraint, at a width of 256, 300 steps of masked language modeling at a learning rate of 1e-3 took
nDCG@10 on the dev split of welfare-ko from 0.41 to 0.05. Mean pooling; dropout of 0.1. The same texts and options give
the same bytes.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, StaticEmbedding, Transformer
from torch import Tensor
from torch.nn.functional import cosine_similarity, cross_entropy
from torch.nn.utils.rnn import pad_sequence
from transformers import ModernBertConfig, ModernBertForMaskedLM, PreTrainedTokenizerFast

from embedtune.models.files.starter import build_starter

FIELDS = ("text", "sentence1", "sentence2")
LONGEST = 128
"""Texts are truncated to this many tokens."""
MASKED = 0.3
NEAR = 10.0
"""Weight of the cosine distance between a text's mean and the starter's vector beside the masked tokens."""


def texts_of(paths: Sequence[Path]) -> list[str]:
    """The distinct texts of JSONL files."""
    rows = [json.loads(line) for path in paths for line in path.read_text(encoding="utf-8").splitlines()]
    return list(dict.fromkeys(" ".join(row[name].split()) for row in rows for name in FIELDS if row.get(name)))


def compressed(vectors: Tensor, dimensions: int) -> Tensor:
    """Vectors (V, D) projected on their principal directions, (V, dimensions): better than a starter of that size."""
    wide = vectors.double().numpy()  # (V, D)
    directions = np.linalg.eigh(wide.T @ wide)[1][:, ::-1][:, :dimensions]  # (D, dimensions)
    largest = directions[np.abs(directions).argmax(axis=0), np.arange(dimensions)]  # (dimensions,)
    return torch.from_numpy(wide @ (directions * np.sign(largest))).float()


def start(
    static: StaticEmbedding, width: int, layers: int, seed: int
) -> tuple[ModernBertForMaskedLM, PreTrainedTokenizerFast]:
    """A transformer whose mean over tokens is nearly that of a static encoder.

    The model normalizes every token's vector, but the length of a starter's vector encodes how rare the token is. One
    more dimension makes all vectors equally long, and the last normalization removes it again.
    """
    words = PreTrainedTokenizerFast(
        tokenizer_object=static.tokenizer, unk_token="[UNK]", pad_token="[PAD]", mask_token="[MASK]"
    )
    known = compressed(static.embedding.weight.detach(), width - 1)  # (V, D - 1)
    known = torch.cat([known, known.new_zeros(len(words) - len(known), known.shape[1])])  # (V + 2, D - 1)
    squares = known.square().sum(dim=1, keepdim=True)  # (V + 2, 1)
    vectors = torch.cat([known, (squares.max() - squares).sqrt()], dim=1)  # (V + 2, D)
    torch.manual_seed(seed)
    model = ModernBertForMaskedLM(shape(len(words), vectors.shape[1], layers, words.pad_token_id))
    with torch.no_grad():
        model.model.embeddings.tok_embeddings.weight.copy_(vectors)
        model.decoder.weight.copy_(vectors / squares.max().sqrt())
        model.model.final_norm.weight[-1] = 0
        for layer in model.model.layers:
            layer.attn.Wo.weight.mul_(0.1)
            layer.mlp.Wo.weight.mul_(0.1)
    return model, words


def shape(vocabulary: int, width: int, layers: int, padding: int) -> ModernBertConfig:
    """The configuration of the transformer."""
    return ModernBertConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=layers,
        num_attention_heads=width // 64,
        max_position_embeddings=LONGEST,
        global_attn_every_n_layers=1,
        embedding_dropout=0.1,
        attention_dropout=0.1,
        mlp_dropout=0.1,
        tie_word_embeddings=False,
        pad_token_id=padding,
        bos_token_id=None,
        eos_token_id=None,
        cls_token_id=None,
        sep_token_id=None,
    )


def learn(
    model: ModernBertForMaskedLM, words: PreTrainedTokenizerFast, texts: Sequence[str], steps: int, lr: float, seed: int
) -> None:
    """Masked language modeling; the token vectors stay fixed."""
    model.model.embeddings.tok_embeddings.requires_grad_(False)
    model.model.final_norm.requires_grad_(False)
    optimizer = torch.optim.AdamW([one for one in model.parameters() if one.requires_grad], lr=lr)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps, pct_start=0.1)
    model.train()
    for step, (whole, masked) in zip(range(steps), batches(words, texts, seed), strict=False):
        real = whole != words.pad_token_id  # (B, T)
        damaged = whole.masked_fill(masked, words.mask_token_id)  # (B, T)
        hidden = model.model(input_ids=damaged, attention_mask=real.long()).last_hidden_state  # (B, T, D)
        logits = model.decoder(model.head(hidden[masked]))  # (masked, V)
        known = model.model.embeddings.tok_embeddings(whole)  # (B, T, D)
        near = cosine_similarity(*((one[..., :-1] * real[..., None]).sum(dim=1) for one in (hidden, known)))  # (B,)
        loss = cross_entropy(logits, whole[masked]) + NEAR * (1 - near).mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 100 == 0 or step == steps - 1:
            print(f"step {step}: loss {loss.item():.3f}, near {near.mean().item():.3f}", file=sys.stderr, flush=True)
    model.eval()


def batches(
    words: PreTrainedTokenizerFast, texts: Sequence[str], seed: int, rows: int = 64
) -> Iterator[tuple[Tensor, Tensor]]:
    """Token ids (B, T) and which of them to mask (B, T), texts of similar length together; endless."""
    draw = np.random.default_rng(seed)
    ids = words(list(texts), truncation=True, max_length=LONGEST)["input_ids"]
    lengths = np.array([len(one) for one in ids])  # (N,)
    while True:
        order = np.argsort(lengths + draw.random(len(ids)), kind="stable")  # (N,)
        order = order[lengths[order] > 1]
        packs = np.array_split(order, len(order) // rows)
        for place in draw.permutation(len(packs)):
            chosen = [torch.tensor(ids[row]) for row in packs[place]]
            whole = pad_sequence(chosen, batch_first=True, padding_value=words.pad_token_id)  # (B, T)
            masked = torch.from_numpy(draw.random(whole.shape) < MASKED) & (whole != words.pad_token_id)  # (B, T)
            yield whole, masked


def save(model: ModernBertForMaskedLM, words: PreTrainedTokenizerFast, folder: Path) -> None:
    """Save as a SentenceTransformer with mean pooling."""
    with TemporaryDirectory() as bare:
        model.model.save_pretrained(bare)
        words.save_pretrained(bare)
        modules = [Transformer(bare, max_seq_length=LONGEST), Pooling(model.config.hidden_size, pooling_mode="mean")]
    encoder = SentenceTransformer(modules=modules, device="cpu", similarity_fn_name="cosine")
    encoder.save_pretrained(str(folder), create_model_card=False)


def main() -> None:
    """Make the transformer and save it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", action="append", type=Path, required=True, help="JSONL with text or sentence1, 2")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--width", type=int, default=192)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--steps", type=int, default=400, help="number of steps, of 64 texts each")
    parser.add_argument("--lr", type=float, default=5e-4)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    texts = texts_of(arguments.texts)
    starter = build_starter(texts, seed=arguments.seed)
    model, words = start(starter[0], arguments.width, arguments.layers, arguments.seed)
    learn(model, words, texts, arguments.steps, arguments.lr, arguments.seed)
    save(model, words, arguments.output)
    parameters = sum(one.numel() for one in model.model.parameters())
    print(f"{arguments.output}: {parameters:,} parameters, from {len(texts):,} texts")


if __name__ == "__main__":
    main()
