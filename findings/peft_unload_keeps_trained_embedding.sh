#!/usr/bin/env bash
# Surprise: PeftModel.unload(), which gives back the base without merging, leaves a fully trained module (modules_to_save) in it, so the base has changed.
# Seen with peft 0.21.2, transformers 5.23.0, torch 2.13.0; source: peft/utils/other.py, unload_and_optionally_merge_module of ModulesToSaveWrapper.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet torch==2.13.0 transformers==5.23.0 peft==0.21.2
"$folder/env/bin/python" - <<'PY'
import peft
import torch
from transformers import LlamaConfig, LlamaForCausalLM

torch.manual_seed(0)
shape = {"vocab_size": 32, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1}
ids = torch.arange(8)[None]


def change(**more) -> float:
    """Largest change of a logit of the base after an adapter was put on, trained and unloaded."""
    config = LlamaConfig(**shape, num_attention_heads=2, num_key_value_heads=2)
    base = LlamaForCausalLM(config).eval()
    with torch.no_grad():
        before = base(ids).logits.clone()
        adapted = peft.get_peft_model(base, peft.LoraConfig(r=2, target_modules=["q_proj"], **more))
        for weights in adapted.parameters():
            if weights.requires_grad:
                weights.add_(1.0)
        return (adapted.unload()(ids).logits - before).abs().max().item()


plain, trained = change(), change(modules_to_save=["embed_tokens"])
print(f"peft {peft.__version__}: LoRA only {plain:.3f}, with a trained embedding {trained:.3f}")
assert plain == 0.0
assert trained > 0.01
PY
