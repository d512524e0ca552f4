"""Tokenisers: text to tokens and back, and what they refuse."""

from __future__ import annotations

import json

import numpy as np
import pytest

from operant.fields import FileError
from operant.language import tokenizers
from operant.language.chat import CHATML, PLAIN, ChatTemplate, template
from operant.language.tokenizers import Bytes, Characters, Special, padded

TEXTS = ["", "abc", "naïve café\n", "日本語 🙂", "\x00\t"]


@pytest.mark.parametrize("text", TEXTS)
def test_bytes_and_characters_give_a_text_back(text):
    for tokenizer in (Bytes(), Characters.of(TEXTS)):
        tokens = tokenizer.encode(text)
        assert tokenizer.decode(tokens) == text
        assert all(0 <= token < tokenizer.vocab_size for token in tokens)
        assert not {tokenizer.special.pad, tokenizer.special.eos} & set(tokens)
        again = tokenizers.from_json(json.loads(json.dumps(tokenizer.to_json())))
        assert again.encode(text) == tokens
        assert again.special == tokenizer.special


def test_special_tokens_are_no_text_and_half_a_character_shows():
    bytes_, characters = Bytes(), Characters("ab")
    assert bytes_.decode([97, 256, 257, 258, 98]) == "ab"
    assert bytes_.decode([0xC3]) == "�"
    assert characters.decode([0, 2, 1, 3]) == "ab"
    assert characters.vocab_size == 4


def test_a_character_outside_the_alphabet_and_one_that_is_there_twice_are_named():
    with pytest.raises(ValueError, match="'c' in 'abc' is not in the alphabet of 2"):
        Characters("ab").encode("abc")
    with pytest.raises(ValueError, match="'a' twice"):
        Characters("aba")


def test_batches_are_padded_on_the_left():
    tokens, start = Characters("ab").batch(["ab", "", "b"], eos=True)
    assert tokens.tolist() == [[2, 3, 1], [0, 0, 1], [0, 3, 1]]
    assert start.tolist() == [0, 2, 1]
    tokens, start = padded([[5]], 9, 3)
    assert tokens.tolist() == [[9, 9, 5]]
    assert tokens.dtype == start.dtype == np.int32
    with pytest.raises(ValueError, match="Text 1 has 2 tokens; there is room for 1"):
        padded([[5], [5, 5]], 9, 1)


@pytest.fixture
def subwords(tmp_path):
    """A folder with a byte-level tokenizer.json of three merges."""
    package = pytest.importorskip("tokenizers")
    alphabet = sorted(package.pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: i for i, token in enumerate([*alphabet, "he", "ll", "hell", "<s>", "</s>"])}
    made = package.Tokenizer(package.models.BPE(vocabulary, [("h", "e"), ("l", "l"), ("he", "ll")]))
    made.pre_tokenizer = package.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = package.decoders.ByteLevel()
    made.add_special_tokens(["<s>", "</s>"])
    made.post_processor = package.processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 259)]
    )
    made.enable_padding(length=16)
    made.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "tokenizer_config.json").write_text(
        json.dumps({"eos_token": {"content": "</s>"}, "bos_token": "<s>"})
    )
    return tmp_path


def test_subwords_of_a_folder_give_a_text_back_without_special_tokens(subwords, tmp_path):
    from operant.language.tokenizers.subwords import Subwords

    tokenizer = Subwords.load(subwords)
    assert tokenizer.special == Special(pad=260, eos=260, bos=259)
    assert tokenizer.encode("hello") == [258, *tokenizer.encode("o")]
    for text in TEXTS:
        assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.decode([*tokenizer.encode("hell"), 260, 260]) == "hell"
    again = tokenizers.from_json(json.loads(json.dumps(tokenizer.to_json())))
    assert again.encode("hello, hell") == tokenizer.encode("hello, hell")
    (tmp_path / "copy").mkdir()
    tokenizer.save(tmp_path / "copy")
    copy = Subwords.load(tmp_path / "copy")
    assert (copy.encode("hello"), copy.special) == (tokenizer.encode("hello"), tokenizer.special)


def test_subwords_name_the_file_and_the_field_that_are_wrong(subwords):
    from operant.language.tokenizers.subwords import Subwords

    (subwords / "tokenizer_config.json").write_text(json.dumps({"eos_token": "<end>"}))
    with pytest.raises(FileError, match=r"tokenizer\.json: eos_token: .*'<end>', which is no token"):
        Subwords.load(subwords)
    (subwords / "tokenizer_config.json").unlink()
    with pytest.raises(FileError, match="no token ends a text"):
        Subwords.load(subwords)
    assert Subwords.load(subwords, {"eos_token_id": [260, 1], "pad_token_id": 259}).special == Special(
        259, 260
    )
    (subwords / "tokenizer.json").write_text("{}")
    with pytest.raises(FileError, match=r"tokenizer\.json"):
        Subwords.load(subwords, {"eos_token_id": 260})


@pytest.mark.parametrize("values", [{}, {"kind": "words"}, {"kind": "characters", "alphabet": 3}])
def test_what_is_no_tokeniser_is_refused(values):
    with pytest.raises(FileError, match="is no tokeniser"):
        tokenizers.from_json(values)


# chat


def test_chat_templates_put_messages_into_one_text():
    messages = [{"role": "user", "content": "Hi {role} {x}"}]
    assert CHATML.render(messages) == "<|im_start|>user\nHi {role} {x}<|im_end|>\n<|im_start|>assistant\n"
    assert PLAIN.render([*messages, {"role": "assistant", "content": "Yes"}], prompt=False) == (
        "user: Hi {role} {x}\nassistant: Yes\n"
    )
    helpful = ChatTemplate(system="Be brief.")
    assert helpful.render(messages).startswith("<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user")
    own = [{"role": "system", "content": "Own."}, *messages]
    assert "Be brief." not in helpful.render(own)
    assert template("chatml") is CHATML


@pytest.mark.parametrize(
    ("message", "wrong"),
    [
        ({"role": "robot", "content": ""}, "message 0: role='robot'"),
        ({"role": "user"}, "content=None is not text"),
    ],
)
def test_a_message_without_a_role_or_a_text_is_named(message, wrong):
    with pytest.raises(ValueError, match=wrong):
        CHATML.render([message])
    with pytest.raises(ValueError, match="there are chatml, plain"):
        template("jinja")
