"""`tokenizer.json`, and the tokeniser inside a GGUF file, by the package `tokenizers` (extra `text`)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from operant.fields import FileError, blamed, parse
from operant.language.tokenizers.base import Special, Tokenizer

FILE, SETTINGS = "tokenizer.json", "tokenizer_config.json"
CONTROL = 3  # the type of special tokens in GGUF
MOST_BYTES = 2**26  # of a tokenizer.json: those of vocabularies of 250,000 tokens have 20 MB
DIGITS = ("smollm",)  # ways in GGUF that split digits from each other before anything else
KNOWN = ("gpt-2", "default", *DIGITS)


class Subwords(Tokenizer):
    """Pieces of words that are frequent in a language, as `tokenizer.json` has them."""

    def __init__(self, text: str, special: Special) -> None:
        """`text` is the content of a tokenizer.json. Raises ImportError without the extra, and FileError for what is
        no such content."""
        package = _package()
        try:
            self._tokenizer = package.Tokenizer.from_str(text)
        except Exception as error:  # the package raises its own
            raise FileError(f"the package tokenizers cannot read it ({error}).") from error
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._text, self.special = text, special
        for name, number in (("pad", special.pad), ("eos", special.eos), ("bos", special.bos)):
            if number is not None and not 0 <= number < self.vocab_size:
                raise FileError(f"it is token {number}, of {self.vocab_size}.", field=name)

    @classmethod
    def load(cls, folder: str | Path, config: Mapping[str, Any] | None = None) -> Subwords:
        """That of a folder with tokenizer.json; the special tokens are those that tokenizer_config.json names, or else
        those whose numbers `config` (config.json) has.

        Raises FileError naming the file and the field where it cannot be read, or no token ends a text.
        """
        folder = Path(folder)
        path, settings = folder / FILE, folder / SETTINGS
        if path.stat().st_size > MOST_BYTES:
            raise FileError(f"it has more than {MOST_BYTES:,} bytes.", path)
        text = path.read_text(encoding="utf-8")
        named = parse(settings.read_text(encoding="utf-8"), settings) if settings.is_file() else {}
        if not isinstance(named, dict):
            raise FileError("it is not a table.", settings)
        with blamed(path):
            known = _package().Tokenizer.from_str(text)
            return cls(text, _special(named, config or {}, known))

    @classmethod
    def of_gguf(cls, file: Any) -> Subwords:
        """The byte-level tokeniser inside a `weights.gguf_file.GGUF`. Raises FileError for one of another kind."""
        package = _package()
        kind, way = file.field("tokenizer.ggml.model"), file.field("tokenizer.ggml.pre", "default")
        for name, found, known in (("model", kind, ("gpt2",)), ("pre", way, KNOWN)):
            if found not in known:
                raise FileError(
                    f"it is {found!r}; known: {', '.join(known)}. Give the tokenizer.json of the model instead.",
                    file.path,
                    f"tokenizer.ggml.{name}",
                )
        tokens, kinds = file.field("tokenizer.ggml.tokens"), file.field("tokenizer.ggml.token_type", [])
        merges = [tuple(merge.split(" ", 1)) for merge in file.field("tokenizer.ggml.merges", [])]
        with blamed(file.path, "tokenizer.ggml"):
            model = package.models.BPE({token: i for i, token in enumerate(tokens)}, merges)
            made = package.Tokenizer(model)
            steps = [package.pre_tokenizers.Digits(individual_digits=True)] if way in DIGITS else []
            steps.append(package.pre_tokenizers.ByteLevel(add_prefix_space=False))
            made.pre_tokenizer = package.pre_tokenizers.Sequence(steps)
            made.decoder = package.decoders.ByteLevel()
            special = [token for token, kind in zip(tokens, kinds, strict=False) if kind == CONTROL]
            made.add_special_tokens([package.AddedToken(token, special=True) for token in special])
            eos, bos = (file.field(f"tokenizer.ggml.{name}_token_id") for name in ("eos", "bos"))
            if eos is None:
                raise FileError("no token ends a text.", field="eos_token_id")
            pad = file.field("tokenizer.ggml.padding_token_id", eos)
            return cls(made.to_str(), Special(int(pad), int(eos), None if bos is None else int(bos)))

    @property
    def vocab_size(self) -> int:
        return self._tokenizer.get_vocab_size()

    def encode(self, text: str) -> list[int]:
        """Special tokens that the text spells out, such as <|im_end|>, become these tokens."""
        return self._tokenizer.encode(text, add_special_tokens=False).ids

    def decode(self, tokens: Sequence[int]) -> str:
        return self._tokenizer.decode([int(token) for token in tokens], skip_special_tokens=True)

    def to_json(self) -> dict[str, Any]:
        special = {"pad": self.special.pad, "eos": self.special.eos, "bos": self.special.bos}
        return {"kind": "subwords", "tokenizer": json.loads(self._text), "special": special}

    def save(self, folder: str | Path) -> None:
        """Write `tokenizer.json`, and the names of the special tokens, into a folder."""
        folder = Path(folder)
        (folder / FILE).write_text(self._text, encoding="utf-8")
        numbers = {
            "pad_token": self.special.pad,
            "eos_token": self.special.eos,
            "bos_token": self.special.bos,
        }
        named = {name: self._tokenizer.id_to_token(n) for name, n in numbers.items() if n is not None}
        values = {"tokenizer_class": "PreTrainedTokenizerFast", **named}
        (folder / SETTINGS).write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def _special(named: Mapping[str, Any], config: Mapping[str, Any], known: Any) -> Special:
    """By names, `"eos_token": "</s>"` or `{"content": "</s>"}`, or by numbers, `"eos_token_id": 2`."""

    def number(name: str) -> int | None:
        given = named.get(f"{name}_token")
        given = given.get("content") if isinstance(given, Mapping) else given
        if isinstance(given, str):
            found = known.token_to_id(given)
            if found is None:
                raise FileError(
                    f"{SETTINGS} says that it is {given!r}, which is no token.", field=f"{name}_token"
                )
            return found
        several = config.get(f"{name}_token_id")
        first = several[0] if isinstance(several, list) and several else several
        return first if isinstance(first, int) else None

    eos = number("eos")
    if not isinstance(eos, int):
        raise FileError(f"no token ends a text: name one in {SETTINGS}.", field="eos_token")
    pad = number("pad")
    return Special(eos if pad is None else pad, eos, number("bos"))


def _package() -> Any:
    try:
        import tokenizers
        import tokenizers.decoders
        import tokenizers.models
        import tokenizers.pre_tokenizers
    except ImportError as error:
        raise ImportError("A tokenizer.json needs an extra: pip install 'operant-rl[text]'.") from error
    return tokenizers
