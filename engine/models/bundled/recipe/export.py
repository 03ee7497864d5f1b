"""Writes a trained checkpoint as a GGUF file that llama.cpp loads, with its vocabulary and chat template."""

import json
import pickle
import sys
from pathlib import Path

import gguf
import numpy as np

CONTEXT = 2048
NAMES = {
    "q": "attn_q", "k": "attn_k", "v": "attn_v", "o": "attn_output", "gate": "ffn_gate", "up": "ffn_up", "down": "ffn_down",
}


def describe(writer: gguf.GGUFWriter, shape) -> None:
    writer.add_name("echo-tiny")
    writer.add_author("Echorator")
    writer.add_license("Apache-2.0")
    writer.add_description("A very small chat model trained from scratch for Echorator: it repeats told facts, calls tools and fills JSON.")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.inner)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.heads)
    writer.add_rope_dimension_count(shape.head)
    writer.add_rope_freq_base(shape.base)
    writer.add_layer_norm_rms_eps(shape.epsilon)
    writer.add_vocab_size(shape.vocabulary)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)


def add_vocabulary(writer: gguf.GGUFWriter, vocabulary: Path) -> None:
    trained = json.loads(vocabulary.read_text())["model"]
    tokens = sorted(trained["vocab"], key=trained["vocab"].get)
    special = {"<|endoftext|>", "<|im_start|>", "<|im_end|>"}
    kinds = [gguf.TokenType.CONTROL if token in special else gguf.TokenType.UNUSED if token.startswith("<|spare_") else gguf.TokenType.NORMAL for token in tokens]
    writer.add_tokenizer_model("gpt2")
    # The same regular expression as "gpt-2", but llama.cpp then leaves spaces before punctuation as the model wrote them.
    writer.add_tokenizer_pre("trillion")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges([" ".join(pair) for pair in trained["merges"]])
    writer.add_eos_token_id(tokens.index("<|im_end|>"))
    writer.add_eot_token_id(tokens.index("<|im_end|>"))
    writer.add_pad_token_id(tokens.index("<|endoftext|>"))
    writer.add_add_bos_token(False)
    writer.add_chat_template((Path(__file__).parent / "chat-template.jinja").read_text().strip())


def add_matrix(writer: gguf.GGUFWriter, name: str, values: np.ndarray) -> None:
    kind = gguf.GGMLQuantizationType.Q8_0
    writer.add_tensor(name, gguf.quants.quantize(np.ascontiguousarray(values, np.float32), kind), raw_dtype=kind)


def neighbours(matrix: np.ndarray, heads: int) -> np.ndarray:
    """Brings the two halves of each head's rotated pairs side by side, as llama.cpp expects them."""
    columns = matrix.reshape(matrix.shape[0], heads, 2, -1)
    return columns.swapaxes(2, 3).reshape(matrix.shape)


def add_weights(writer: gguf.GGUFWriter, weights: dict, heads: int) -> None:
    add_matrix(writer, "token_embd.weight", weights["embedding"])
    writer.add_tensor("output_norm.weight", np.asarray(weights["norm"], np.float32))
    for at, layer in enumerate(weights["layers"]):
        writer.add_tensor(f"blk.{at}.attn_norm.weight", np.asarray(layer["attention_norm"], np.float32))
        writer.add_tensor(f"blk.{at}.ffn_norm.weight", np.asarray(layer["inner_norm"], np.float32))
        for key, name in NAMES.items():
            matrix = neighbours(np.asarray(layer[key]), heads) if key in "qk" else np.asarray(layer[key])
            add_matrix(writer, f"blk.{at}.{name}.weight", matrix.T)


def main(checkpoint: Path, vocabulary: Path, target: Path) -> None:
    kept = pickle.loads(checkpoint.read_bytes())
    writer = gguf.GGUFWriter(str(target), "llama")
    describe(writer, kept["shape"])
    add_vocabulary(writer, vocabulary)
    add_weights(writer, kept["state"]["average"], kept["shape"].heads)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:4]))
