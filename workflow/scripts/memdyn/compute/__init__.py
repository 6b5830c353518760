"""Tensors on a device: samples, pixels, and how torch computes."""
