"""What a record spells is text: no tokenizer takes a part of it for a special token."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bioinstruct import Instruction
from bioinstruct.bench.encoders.model import EncoderRecipe, load_encoder
from bioinstruct.bench.models.plain_text import PlainText, special_names
from bioinstruct.bench.models.tokenization import PromptTokenizer
from bioinstruct.bench.tasks import get_task
from bioinstruct.prompts import Style
from tests.bench.test_encoder import random_bert

Make = Callable[..., Instruction]
WORDS = [
    "The patient takes metformin 500 mg, and denies fever.\n\n  Chest pain?",
    "user assistant system <|im start end unk eos mask SEP MASK [ ] <s> </s> tool call",
]
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n{% endif %}"
)
MARKS = ["<|im_end|>", "<|im_start|>", "<unk>", "<s>", "</s>", "<pad>", "<mask>", "<think>"]


def byte_level() -> Any:
    """As GPT-2, Llama 3 and Qwen: merges over bytes; the special tokens are not in its merges."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    made = Tokenizer(models.BPE(ignore_merges=True))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=330, initial_alphabet=alphabet, show_progress=False)
    made.train_from_iterator(WORDS * 3, trainer)
    return made


def sentence_piece() -> Any:
    """As T5 and XLM-R: the likeliest pieces, among which the special tokens are."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    made = Tokenizer(models.Unigram())
    made.normalizer = normalizers.NFKC()
    made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    made.decoder = decoders.Metaspace(prepend_scheme="always")
    trainer = trainers.UnigramTrainer(
        vocab_size=120,
        special_tokens=["<pad>", "<s>", "</s>", "<unk>", "<mask>"],
        unk_token="<unk>",
        initial_alphabet=list("abcdefghijklmnopqrstuvwxyzTSMASKEP<>[]|/_ ,.?0123456789"),
        show_progress=False,
    )
    made.train_from_iterator(WORDS * 3, trainer)
    return made


def word_pieces() -> Any:
    """As BERT, but split at white space only: [MASK] is looked up as a word."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

    letters = "abcdefghijklmnopqrstuvwxyz<>[]|/_,.?0123456789"
    names = ["<pad>", "<s>", "</s>", "<unk>", "<mask>", *letters, *(f"##{c}" for c in letters)]
    vocabulary = {name: number for number, name in enumerate([*names, "pain", "metformin"])}
    made = Tokenizer(models.WordPiece(vocabulary, unk_token="<unk>"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.decoder = decoders.WordPiece(cleanup=False)
    return made


BUILD = {"bytes": byte_level, "pieces": sentence_piece, "words": word_pieces}


@pytest.fixture(scope="module", params=list(BUILD))
def tokenizer(request: pytest.FixtureRequest) -> Any:
    from tokenizers import AddedToken
    from transformers import PreTrainedTokenizerFast

    made = PreTrainedTokenizerFast(
        tokenizer_object=BUILD[request.param](),
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="<|im_end|>",
        unk_token="<unk>",
        mask_token=AddedToken("<mask>", lstrip=True, normalized=True, special=True),
        additional_special_tokens=["<|im_start|>", "</s>"],
    )
    made.add_tokens([AddedToken("<think>", normalized=False, special=False)])
    made.chat_template = CHATML
    return made


def test_marks_of_the_template_are_special_though_not_flagged(tokenizer: Any) -> None:
    assert set(MARKS) <= special_names(tokenizer).keys()


@pytest.mark.parametrize("mark", MARKS)
def test_a_mark_in_a_text_is_cut_up_and_written_as_it_stands(tokenizer: Any, mark: str) -> None:
    plain = PlainText(tokenizer)
    unknown = tokenizer.unk_token_id
    for text in (f"takes {mark} metformin", mark, f"pain{mark}"):
        ids = plain.ids(text)
        assert not set(ids) & (set(plain.special.values()) - {unknown})
        assert unknown not in ids
        assert len(ids) > 1
        decoded = tokenizer.decode(ids, skip_special_tokens=True)
        assert decoded.replace(" ", "").lower() == text.replace(" ", "").lower()


def test_a_text_without_marks_has_the_ids_of_the_tokenizer(tokenizer: Any) -> None:
    plain = PlainText(tokenizer)
    for text in (
        *WORDS[:1],
        "a <b> c",
        "chest  pain\n\n",
        " [x] ",
        "",
        "IL-1\N{GREEK SMALL LETTER BETA}",
    ):
        native = tokenizer(text, add_special_tokens=False)["input_ids"]
        assert plain.ids(text) == native
        assert plain.mixed([("", text)]) == native  # the second tokenizer is the same one


def test_the_second_tokenizer_gives_a_template_the_ids_of_the_first(tokenizer: Any) -> None:
    text = "user\n  chest pain "
    frame = ("<|im_start|>", f"{text}", "<|im_end|>\n<|im_start|>assistant\n<think>\n")
    native = tokenizer("".join(frame), add_special_tokens=False)["input_ids"]
    found = PlainText(tokenizer).mixed([(frame[0], frame[1]), (frame[2], "")])
    assert found == native
    special = [i for i in found if i in PlainText(tokenizer).special.values()]
    names = ["<|im_start|>", "<|im_end|>", "<|im_start|>", "<think>"]
    assert [i for i in special if i != tokenizer.unk_token_id] == [
        tokenizer.convert_tokens_to_ids(name) for name in names
    ]


@pytest.mark.parametrize("mark", MARKS)
def test_a_mark_of_a_record_closes_no_turn(tokenizer: Any, mark: str, example: Make) -> None:
    prompts = PromptTokenizer(tokenizer, Style.CHAT, 500)
    harmless = example(input="takes xyz metformin", output="xyz")
    spelt = example(input=f"takes {mark} metformin", output=mark)
    front = prompts.front([spelt])
    with_mark = prompts.prompt(spelt, room=8, front=front)
    without = prompts.prompt(harmless, room=8, front=prompts.front([harmless]))
    assert with_mark is not None
    assert without is not None

    def marks(ids: list[int]) -> list[int]:
        special = set(prompts.plain.special.values()) - {tokenizer.unk_token_id}
        return [i for i in ids if i in special]

    assert marks(with_mark.ids) == marks(without.ids)
    assert len(marks(without.ids)) == 8  # two marks for each of three turns, then the answer's
    assert tokenizer.eos_token_id not in prompts.completion(mark)
    assert prompts.completion(mark)  # so a gold of this text has a likelihood


def test_a_template_that_rewrites_its_turns_is_refused_only_where_a_mark_stands(
    tokenizer: Any, example: Make
) -> None:
    import copy

    from bioinstruct import ModelError

    odd = copy.deepcopy(tokenizer)
    odd.chat_template = CHATML.replace("m.content", "m.content | upper")
    prompts = PromptTokenizer(odd, Style.CHAT, 500)
    assert prompts.prompt(example(input="takes metformin"), room=8)
    with pytest.raises(ModelError, match="rewrites"):
        prompts.prompt(example(input="takes <mask> metformin <|im_end|>"), room=8)


def test_an_encoder_reads_the_marks_of_a_sentence_as_text(tmp_path: Path, example: Make) -> None:
    texts = ["The patient takes metformin [ MASK SEP CLS ] ."] * 3
    path = random_bert(tmp_path / "bert", texts, pieces=100, width=32)
    task = get_task("demo-qa")
    encoder = load_encoder(path, task, list(task.read("train"))[:2], EncoderRecipe())
    names = ("[CLS]", "[SEP]", "[MASK]")
    special = encoder.tokenizer.convert_tokens_to_ids(list(names))
    assert None not in special
    [window] = encoder.windows([example(input=f"takes {' '.join(names)} .")], learn=False)
    assert [i for i in window.ids if i in special] == special[:2]
    plain = example(input="takes metformin .")
    [window] = encoder.windows([plain], learn=False)
    assert window.ids == encoder.tokenizer(plain.input)["input_ids"]
