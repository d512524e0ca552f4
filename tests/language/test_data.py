"""Rows from files, rows as tokens, and tokens as arrays: nothing is lost, and what is wrong is named by its line."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from operant.language.chat import CHATML
from operant.language.data import arrays
from operant.language.data.examples import Example, Reader
from operant.language.data.rows import DataError, Row, read
from operant.language.tokenizers import Bytes, Characters

LETTERS = Characters("abcdefgh ")
EOS = LETTERS.special.eos
READER = Reader(LETTERS, max_length=8)


def encoded(text: str) -> list[int]:
    return LETTERS.encode(text)


def rows(*values) -> list[Row]:
    return [Row(f"line {i + 1}", each) for i, each in enumerate(values)]


# files


def test_json_lines_keep_every_text_as_it_is(tmp_path):
    """Also one with a character that Python's splitlines takes for the end of a line, and a blank line."""
    values = [{"text": "a\u2028b\x0bc"}, {"prompt": "ä", "response": "\r\n"}]
    path = tmp_path / "data.jsonl"
    lines = [json.dumps(values[0], ensure_ascii=False), "", json.dumps(values[1], ensure_ascii=False)]
    path.write_bytes(("\ufeff" + "\r\n".join(lines)).encode())
    assert read(path) == [Row(f"{path}, line 1", values[0]), Row(f"{path}, line 3", values[1])]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"text": "a"}\n{"text": \n', r"data\.jsonl, line 2: it is no JSON"),
        (b'{"text": "a"}\n\n{"text": "\xff"}\n', r"data\.jsonl, line 3: it is not UTF-8"),
        (b'{"text": "a"}\n[1]\n', r"data\.jsonl, line 2: \[1\] is no table"),
        (b"\n", r"data\.jsonl: there is not one row"),
    ],
)
def test_a_bad_line_is_named_by_file_and_number(tmp_path, content, message):
    path = tmp_path / "data.jsonl"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read(path)


def test_csv_has_cells_over_several_lines_and_names_rows_that_do_not_fit(tmp_path):
    path = tmp_path / "data.csv"
    path.write_bytes(b'prompt,chosen,rejected,margin\r\na,"b\r\n""c""",d,\r\ne,f,"",2\r\n')
    first, second = read(path)
    assert first == Row(f"{path}, line 2", {"prompt": "a", "chosen": 'b\r\n"c"', "rejected": "d"})
    assert second == Row(f"{path}, line 4", {"prompt": "e", "chosen": "f", "margin": "2"})
    path.write_text("prompt,response\na,b\nc\n")
    with pytest.raises(DataError, match="line 3: it has another number of cells than the 2 columns"):
        read(path)


def test_parquet_is_read_by_its_extra(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    values = [
        {"prompt": "a", "chosen": [{"role": "assistant", "content": "b"}]},
        {"prompt": None, "chosen": []},
    ]
    path = tmp_path / "data.parquet"
    parquet.write_table(pyarrow.Table.from_pylist(values), path)
    assert read(path) == [Row(f"{path}, row 0", values[0]), Row(f"{path}, row 1", {"chosen": []})]
    path.write_bytes(b"no parquet")
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        read(path)


def test_read_takes_lists_and_refuses_what_is_none_of_its_forms(tmp_path):
    assert read(["ab", {"prompt": "c"}]) == [Row("row 0", {"text": "ab"}), Row("row 1", {"prompt": "c"})]
    with pytest.raises(FileNotFoundError, match="There is no file"):
        read(tmp_path / "none.jsonl")
    (tmp_path / "data.txt").write_text("a")
    with pytest.raises(DataError, match=r"data\.txt: it must be a \.jsonl, \.csv or \.parquet file"):
        read(tmp_path / "data.txt")
    with pytest.raises(DataError, match="must be"):
        read({"text": "a"})


# examples


def test_reader_makes_one_response_of_texts_prompts_and_conversations():
    reader = replace(READER, tokenizer=Bytes(), chat="chatml", max_length=200)
    conversation = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": "c"},
    ]
    answer = {"role": "assistant", "content": "d"}
    found, said = reader.texts(
        rows(
            {"text": "ab"},
            {"prompt": "a", "response": "b"},
            {"messages": [*conversation, answer]},
            {"prompt": conversation, "completion": [answer]},
        )
    )
    begin, end = Bytes.special.bos, Bytes.special.eos
    user = CHATML.render([{"role": "user", "content": "a"}])
    assert said == ""
    assert found[0] == Example("line 1", [begin], ([97, 98, end],))
    assert found[1] == Example("line 2", list(user.encode()), ([98, end],))
    assert found[2] == Example("line 3", list(CHATML.render(conversation).encode()), ([100, end],))
    assert found[3] == replace(found[2], place="line 4")


def test_reader_makes_pairs_with_a_margin_and_one_prompt():
    (first, second), _ = READER.pairs(
        rows(
            {"prompt": "ab", "chosen": "c", "rejected": "", "margin": "0.5"},
            {"prompt": "a", "chosen": "b", "rejected": "c"},
        )
    )
    assert first == Example("line 1", encoded("ab"), ([*encoded("c"), EOS], [EOS]), 0.5)
    assert second.number == 0


def test_reader_finds_the_prompt_in_the_messages_before_the_answers():
    reader = replace(READER, tokenizer=Bytes(), chat="plain", max_length=99)
    user = {"role": "user", "content": "a"}
    chosen, rejected = ([user, {"role": "assistant", "content": x}] for x in "bc")
    (found,), _ = reader.pairs(rows({"prompt": "a", "chosen": chosen, "rejected": rejected}))
    assert bytes(found.prompt) == b"user: a\nassistant: "
    assert [bytes(x[:-1]) for x in found.responses] == [b"b", b"c"]
    with pytest.raises(DataError, match='line 1: the messages before the answers of "chosen" and "rejected"'):
        reader.pairs(rows({"chosen": chosen, "rejected": rejected[1:]}))
    with pytest.raises(DataError, match='line 1: its "prompt" is not what comes before'):
        reader.pairs(rows({"prompt": "d", "chosen": chosen, "rejected": rejected}))


def test_reader_labels_responses_and_both_of_a_pair():
    found, _ = READER.labelled(
        rows(
            {"prompt": "a", "completion": "b", "label": "False"},
            {"prompt": "a", "response": "b", "label": 1},
            {"prompt": "c", "chosen": "d", "rejected": "e"},
        )
    )
    assert [each.number for each in found] == [0, 1, 1, 0]
    assert [each.responses[0][:-1] for each in found] == [encoded(x) for x in "bbde"]


def test_reader_cuts_prompts_at_their_beginning_and_then_responses_at_their_end():
    given = rows(
        {"prompt": "abcdefgh", "chosen": "ab", "rejected": "abcd"},
        {"prompt": "abc", "chosen": "abcdefgh", "rejected": "a"},
        {"prompt": "ab", "chosen": "abcde", "rejected": "a"},
    )
    found, said = READER.pairs(given)
    assert found[0] == Example("line 1", encoded("fgh"), ([*encoded("ab"), EOS], [*encoded("abcd"), EOS]))
    assert found[1] == Example("line 2", encoded("c"), (encoded("abcdefg"), [*encoded("a"), EOS]))
    assert found[2].prompt == encoded("ab")
    assert said == (
        "2 of 3 rows have more than max_length=8 tokens: 2 prompts lost their beginning, and 1 responses their end."
    )
    with pytest.raises(DataError, match="line 1: it has 13 tokens, and max_length=8"):
        replace(READER, too_long="refuse").pairs(given)


@pytest.mark.parametrize(
    ("kind", "row", "message"),
    [
        ("texts", {"prompt": "a"}, 'line 1: it has prompt, and must have "text"'),
        ("texts", {"text": ""}, '"text" is empty'),
        ("texts", {"text": 3}, '"text" is 3, which is no text'),
        ("texts", {"text": "x"}, "line 1: 'x' in 'x' is not in the alphabet"),
        ("texts", {"messages": []}, "has no messages"),
        ("texts", {"messages": [{"role": "user"}]}, "is no message"),
        ("texts", {"messages": [{"role": "user", "content": "a"}]}, "say in which form they become a text"),
        ("pairs", {"prompt": "a", "chosen": "b"}, 'must have "prompt", "chosen" and "rejected"'),
        ("pairs", {"chosen": "a", "rejected": "b"}, "its prompt is empty"),
        ("pairs", {"prompt": "a", "chosen": "b", "rejected": "c", "margin": "x"}, "\"margin\" is 'x'"),
        ("pairs", {"prompt": "a", "chosen": "b", "rejected": "c", "margin": True}, '"margin" is True'),
        ("labelled", {"prompt": "a", "completion": "b"}, 'must have "prompt", "completion" and "label"'),
        ("labelled", {"prompt": "a", "completion": "b", "label": 0.5}, '"label" is 0.5'),
    ],
)  # fmt: skip
def test_reader_names_the_line_and_what_is_wrong_with_it(kind, row, message):
    with pytest.raises(DataError, match=message):
        getattr(READER, kind)(rows(row))


def test_reader_wants_a_conversation_to_end_with_an_answer_of_known_roles():
    reader = replace(READER, chat="chatml", max_length=200)
    with pytest.raises(DataError, match="ends with a message of role 'user'"):
        reader.texts(rows({"messages": [{"role": "user", "content": "a"}]}))
    with pytest.raises(DataError, match="line 1: message 0: role='tool'"):
        reader.texts(rows({"prompt": [{"role": "tool", "content": "a"}], "response": "b"}))


# arrays


def example(prompt: str, *responses: str, number: float = 0.0) -> Example:
    return Example("here", encoded(prompt), tuple([*encoded(x), EOS] for x in responses), number)


def shown(made: dict, row) -> tuple[list[int], list[int]]:
    """`(the text, what of it is learnt)` of a row."""
    tokens, start, learnt = (made[name][row] for name in ("tokens", "start", "learnt"))
    return tokens[start:].tolist(), tokens[learnt].tolist()


def test_texts_end_in_the_last_column_and_learn_the_response():
    examples = [example("ab", "c"), example("", "abc"), example("a", "")]
    made = arrays.texts(examples, 0, 16)
    assert made["tokens"].shape == (3, arrays.SHORTEST)
    assert shown(made, 0) == ([*encoded("abc"), EOS], [*encoded("c"), EOS])
    assert shown(made, 1) == (
        [*encoded("abc"), EOS],
        [*encoded("bc"), EOS],
    )  # nothing is before its first token
    assert shown(made, 2) == ([*encoded("a"), EOS], [EOS])
    whole = arrays.texts(examples, 0, 16, whole=True)
    assert shown(whole, 0)[1] == [*encoded("bc"), EOS]


def test_rounded_lengths_are_few_and_little_longer():
    lengths = [arrays.rounded(n, 10_000) for n in range(1, 1025)]
    assert all(n <= made <= max(n * 1.125, arrays.SHORTEST) for n, made in enumerate(lengths, 1))
    assert len(set(lengths)) <= 8 * 7 + 1
    assert arrays.rounded(99, 100) == 100


def test_fitted_leaves_least_room_and_nothing_out():
    random = np.random.default_rng(0)
    sizes = random.integers(1, 17, 200).tolist()
    bins = arrays.fitted(sizes, 16)
    assert sorted(i for each in bins for i in each) == list(range(200))
    assert all(sum(sizes[i] for i in each) <= 16 for each in bins)
    assert len(bins) <= 1.05 * sum(sizes) / 16
    assert arrays.fitted([5, 3, 2, 6], 8) == [[3, 2], [0, 1]]


def test_packed_rows_hold_every_text_once_and_say_where_each_begins():
    examples = [example("ab", "c"), example("a", "bcd"), example("", "h"), example("abc", "defg")]
    made = arrays.packed(examples, 0, 8)
    alone = arrays.texts(examples, 0, 8)
    found = []
    for tokens, start, learnt in zip(made["tokens"], made["start"], made["learnt"], strict=True):
        for first in sorted(set(start[start < 8].tolist())):
            place = start == first
            assert np.flatnonzero(place)[0] == first
            found.append((tokens[place].tolist(), tokens[place & learnt].tolist()))
        assert not learnt[start == 8].any()
    assert sorted(found) == sorted(shown(alone, i) for i in range(4))
    assert len(made["tokens"]) == 3


def test_pairs_have_the_chosen_response_first():
    made = arrays.pairs([example("ab", "c", "defg", number=0.5), example("a", "b", "c")], 0, 16)
    assert made["tokens"].shape == (2, 2, 8)
    assert made["margin"].tolist() == [0.5, 0]
    assert shown(made, (0, 0)) == ([*encoded("abc"), EOS], [*encoded("c"), EOS])
    assert shown(made, (0, 1)) == ([*encoded("abdefg"), EOS], [*encoded("defg"), EOS])


def test_labelled_rows_borrow_the_response_of_another_row_each():
    examples = [example(x, y, number=i % 2) for i, (x, y) in enumerate(zip("abcd", "efgh", strict=True))]
    made = arrays.labelled(examples, 0, 16)
    assert made["label"].tolist() == [0, 1, 0, 1]
    own = [shown(made, (i, 0)) for i in range(4)]
    assert own == [([*encoded(x + y), EOS], [*encoded(y), EOS]) for x, y in zip("abcd", "efgh", strict=True)]
    borrowed = [shown(made, (i, 1)) for i in range(4)]
    assert [text[0] for text, _ in borrowed] == [encoded(x)[0] for x in "abcd"]
    assert sorted(learnt for _, learnt in borrowed) == sorted(learnt for _, learnt in own)
    assert all(mine[1] != other[1] for mine, other in zip(own, borrowed, strict=True))
    with pytest.raises(ValueError, match="at least two"):
        arrays.labelled(examples[:1], 0, 16)


def test_a_borrowed_response_is_cut_where_it_is_too_long_for_the_prompt():
    made = arrays.labelled([example("abcdefg", ""), example("a", "bcdefg")], 0, 8)
    (text, learnt), _ = shown(made, (0, 1)), None
    assert text == [*encoded("gbcdefg"), EOS]
    assert learnt == [*encoded("bcdefg"), EOS]
