"""Weights of language models in files: folders as Hugging Face lays them out, and GGUF. Nothing in them is executed."""
