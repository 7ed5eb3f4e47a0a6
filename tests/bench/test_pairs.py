from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from benchmarks.lm_eval_pairs import encode_pairs, score_pairs

from bioinstruct import ModelError
from bioinstruct.bench.models.causal_lm import CausalLM

Folder = Callable[[str], Path]


def test_white_space_at_the_end_of_a_context_is_the_start_of_the_continuation(
    tokenizer: Any,
) -> None:
    one, other = encode_pairs(
        tokenizer, [("chest \n", " pain"), ("chest", " \n pain")], max_length=256
    )
    assert one == other


def test_a_token_across_the_join_is_counted(model_folder: Folder) -> None:
    model = CausalLM.load(str(model_folder("llama")))
    pairs = encode_pairs(
        model.prompt_tokenizer.tokenizer, [("asth", "ma ?"), ("asthma", " ?")], max_length=256
    )
    assert [pair.joined for pair in pairs] == [True, False]
    assert score_pairs(model, pairs).flags == {"joined": 1}


@pytest.mark.parametrize("pair", [("The pat", "ient"), ("The patient", ""), ("", "")])
def test_a_continuation_without_a_token_of_its_own_is_refused(
    pair: tuple[str, str], tokenizer: Any
) -> None:
    assert len(tokenizer.encode("The patient")) <= len(tokenizer.encode("The pat"))
    with pytest.raises(ModelError, match="no token of its own"):
        encode_pairs(tokenizer, [("a", " b"), pair], max_length=256)


def test_a_tokenizer_that_appends_its_end_token_is_refused(tokenizer: Any) -> None:
    from tokenizers.processors import TemplateProcessing

    odd = copy.deepcopy(tokenizer)
    odd.backend_tokenizer.post_processor = TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 2)]
    )
    with pytest.raises(ModelError, match="'</s>' behind every text"):
        encode_pairs(odd, [("a", " b")], max_length=256)
    assert encode_pairs(odd, [("a", " b")], max_length=256, add_bos=False)


def test_a_continuation_longer_than_the_model_is_refused(tokenizer: Any) -> None:
    with pytest.raises(ModelError, match="does not fit"):
        encode_pairs(tokenizer, [("a", " b" * 20)], max_length=10)


def test_what_is_no_number_is_an_error(model_folder: Folder) -> None:
    model = CausalLM.load(str(model_folder("llama")))
    pairs = encode_pairs(model.prompt_tokenizer.tokenizer, [("chest", " pain")], max_length=256)
    with torch.no_grad():
        model.model.model.norm.weight[0] = float("nan")
    with pytest.raises(ModelError, match="no numbers"):
        score_pairs(model, pairs)
