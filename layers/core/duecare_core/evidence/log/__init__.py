"""The transparency log: Merkle tree and tiles, entries, signed checkpoints, stand-alone proofs (C2SP)."""
