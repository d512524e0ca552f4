"""Environments: the protocol, native ones in JAX, the bridge to Gymnasium, and wrappers for both."""
