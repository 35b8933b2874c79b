"""Tiny random transformers of many families, all with the tokenizer of the tiny BERT."""

from pathlib import Path
from typing import Any

from embedtune.models.encoder import Encoder

SIZE = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 48}
ROTARY = SIZE | {"num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 128}
FAMILIES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "bert": ("Bert", "mean", SIZE),
    "bert-first-token": ("Bert", "cls", SIZE),
    "roberta": ("Roberta", "mean", SIZE | {"max_position_embeddings": 90}),
    "xlm-roberta": ("XLMRoberta", "cls", SIZE | {"max_position_embeddings": 90}),
    "camembert": ("Camembert", "mean", SIZE | {"max_position_embeddings": 90}),
    "electra": ("Electra", "mean", SIZE | {"embedding_size": 16}),
    "distilbert": ("DistilBert", "mean", {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 48}),
    "albert": ("Albert", "mean", SIZE | {"embedding_size": 16}),
    # Windows shorter than the texts, and different rotary embeddings in local and in global layers.
    "modernbert": ("ModernBert", "mean", SIZE | {"local_attention": 8, "global_attn_every_n_layers": 2}),
    "eurobert": ("EuroBert", "mean", ROTARY),
    "qwen3": ("Qwen3", "lasttoken", ROTARY),
    "qwen3-mean": ("Qwen3", "mean", ROTARY),
    "llama": ("Llama", "lasttoken", ROTARY),
    "mistral": ("Mistral", "weightedmean", ROTARY | {"sliding_window": 5}),
    "gemma3": ("Gemma3Text", "mean", ROTARY | {"sliding_window": 6, "query_pre_attn_scalar": 8}),
    "embedding-gemma": (
        "Gemma3Text",
        "mean",
        ROTARY | {"sliding_window": 8, "query_pre_attn_scalar": 8, "use_bidirectional_attention": True},
    ),
    "mpnet": ("MPNet", "mean", SIZE | {"max_position_embeddings": 90}),
    "deberta": ("DebertaV2", "mean", SIZE),
    "t5": ("T5", "mean", {"d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_heads": 4}),
}
UNPACKED = ("mpnet", "deberta", "t5")


def make_family(name: str, tokenizer_folder: Path, folder: Path) -> Encoder:
    """The encoder of a family, made in this folder, with random weights, in evaluation mode."""
    import torch
    import transformers
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling

    from embedtune.config.sections.encoder import EncoderSection
    from embedtune.models.files.load import load_encoder

    kind, pooling, options = FAMILIES[name]
    tokenizer = transformers.AutoTokenizer.from_pretrained(tokenizer_folder)
    if kind in ("Qwen3", "Gemma3Text", "Llama", "Mistral"):
        tokenizer.padding_side = "left"
    known = {"vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id, "bos_token_id": 2, "eos_token_id": 3}
    config = getattr(transformers, f"{kind}Config")(**known, **options)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = getattr(transformers, f"{kind}Model")(config)
        # As large as in trained models: with the small weights of a fresh one, attention hardly matters.
        for parameter in model.parameters():
            if parameter.dim() == 2:
                torch.nn.init.normal_(parameter, std=0.15)
    model.save_pretrained(folder / "bare")
    tokenizer.save_pretrained(folder / "bare")
    whole = Transformer(str(folder / "bare"), max_seq_length=64)
    SentenceTransformer(modules=[whole, Pooling(32, pooling_mode=pooling)], device="cpu").save(
        str(folder / "whole"), create_model_card=False
    )
    section = EncoderSection(name=str(folder / "whole"), prompts={"query": "Represent: ", "document": "문서: "})
    encoder = load_encoder(section, device="cpu")
    encoder.model.eval()
    return encoder
