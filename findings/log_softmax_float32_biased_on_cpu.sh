#!/usr/bin/env bash
# Surprise: on a CPU, log_softmax (and cross_entropy) in float32 over a vocabulary of 262,144 is too high by some 0.00003 in every row, while x - logsumexp(x) is right to 0.000002: a summed log-likelihood of a long answer is off by more than 0.001.
# Seen with torch 2.13.0+cpu; lm-evaluation-harness 0.4.13 uses log_softmax unless softmax_dtype is set. Gemma 3: +0.00126 nats over an answer of 21 tokens.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet torch==2.13.0 numpy
"$folder/env/bin/python" - <<'PY'
import torch

torch.manual_seed(0)
torch.set_num_threads(1)
print(f"torch {torch.__version__}")
for size in (1_000, 32_000, 151_936, 262_144):
    x = torch.randn(20, size) * 3
    right = x.double().log_softmax(-1)[:, 0]
    softmax = x.log_softmax(-1)[:, 0].double() - right
    sums = (x - x.logsumexp(-1, keepdim=True))[:, 0].double() - right
    print(f"{size:>7}: log_softmax {softmax.mean():+.1e}, logsumexp {sums.mean():+.1e} on average")
assert softmax.mean() > 1e-5 > 5e-6 > sums.abs().max()
PY
