"""Muon (Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks"), for networks of convolutions.

Keras's own leaves convolutions to AdamW; here a kernel is the matrix from what a place sees to its filters. Each step is made
orthogonal, so that rare directions are learnt as fast as common ones: fewer steps reach the same loss.
"""

from typing import Any

import keras
from keras import ops


class Muon(keras.optimizers.Muon):
    """Kernels of convolutions, (rows, columns, channels, filters), take Muon's step; everything else AdamW's, at the same rate."""

    def _should_use_adamw(self, variable: Any) -> bool:
        return len(variable.shape) != 4

    def zeropower_via_newtonschulz5(self, x: Any, steps: int) -> Any:
        flat = ops.reshape(x, (-1, x.shape[-1]))
        return ops.reshape(super().zeropower_via_newtonschulz5(flat, steps), x.shape)

    def lr_adjust(self, x: Any) -> Any:
        filters = x.shape[-1]
        longer = max(filters, x.shape[0] * x.shape[1] * x.shape[2])
        return x * (
            self.rms_rate * longer**0.5
        )  # the size of AdamW's step (Liu et al. 2025, "Muon is Scalable for LLM Training")
