#!/usr/bin/env bash
# Surprise: generate(generation_config=GenerationConfig(do_sample=False)) is not plain greedy decoding: what that object does not set, such as repetition_penalty, is filled from the model's own generation_config.
# Seen with transformers 5.23.0, torch 2.13.0; source: transformers/generation/utils.py, _prepare_generation_config.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet torch==2.13.0 transformers==5.23.0
"$folder/env/bin/python" - <<'PY'
import torch
import transformers
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

torch.manual_seed(0)
config = LlamaConfig(
    vocab_size=32,
    hidden_size=16,
    intermediate_size=32,
    num_hidden_layers=1,
    num_attention_heads=2,
    num_key_value_heads=2,
)
model = LlamaForCausalLM(config).eval()
ids = torch.arange(8)[None]


def written(**of_the_model) -> list[int]:
    model.generation_config = GenerationConfig(**of_the_model)
    asked = GenerationConfig(max_new_tokens=12, do_sample=False)
    return model.generate(ids, generation_config=asked)[0, 8:].tolist()


plain, penalised = written(), written(repetition_penalty=5.0)
print(f"transformers {transformers.__version__}")
print("model without settings:         ", plain)
print("model with repetition_penalty 5:", penalised)
assert plain != penalised
PY
