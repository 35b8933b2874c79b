"""Encoders of the usual size with random weights, for benchmarks of speed and memory; nothing is downloaded.

The work of a step depends on the shape of an encoder and the lengths of the texts, not on what the weights know. The
vocabulary is learned from the texts of the benchmark, so that they have as many tokens as with a pretrained tokenizer
of their language.
"""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

VOCABULARY = 30_000
SPECIAL = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
SPECIAL |= {"mask_token": "[MASK]"}


def make_bert(
    folder: Path,
    texts: Sequence[str],
    *,
    layers: int = 6,
    hidden: int = 384,
    heads: int = 12,
    max_length: int = 256,
    seed: int = 0,
    dropout: float = 0.1,
    tokenizer: PreTrainedTokenizerFast | None = None,
) -> Path:
    """Save a BERT with mean pooling and random weights; the defaults are the shape of MiniLM-L6.

    Args:
        folder: where to save it, as a SentenceTransformer.
        texts: what the vocabulary is learned from.
        layers: number of transformer layers.
        hidden: width; the feed-forward layers are four times as wide.
        heads: number of attention heads.
        max_length: texts are truncated to this many tokens.
        seed: seed of the weights.
        dropout: dropout rate of hidden states and attention.
        tokenizer: one made earlier from the same texts, so that student and guide share it.

    Returns: the folder.
    """
    tokenizer = tokenizer or wordpiece(texts)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=4 * hidden,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        pad_token_id=tokenizer.pad_token_id,
    )
    torch.manual_seed(seed)
    with TemporaryDirectory() as bert:
        BertModel(config).save_pretrained(bert)
        tokenizer.save_pretrained(bert)
        modules = [Transformer(bert, max_seq_length=max_length), Pooling(hidden, pooling_mode="mean")]
    SentenceTransformer(modules=modules, device="cpu").save_pretrained(str(folder), create_model_card=False)
    return folder


def wordpiece(texts: Sequence[str], vocabulary: int = VOCABULARY) -> PreTrainedTokenizerFast:
    """A lower-casing WordPiece tokenizer of these texts, as BERT has; Hangul syllables stay whole."""
    made = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=100))
    made.normalizer = normalizers.BertNormalizer(strip_accents=False)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocabulary, special_tokens=list(SPECIAL.values()), show_progress=False
    )
    made.train_from_iterator(texts, trainer, length=len(texts))
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(token, made.token_to_id(token)) for token in ("[CLS]", "[SEP]")],
    )
    return PreTrainedTokenizerFast(tokenizer_object=made, model_max_length=512, **SPECIAL)
