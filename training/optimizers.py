"""The optimizers of the recipes: Keras's, with two changes.

Muon (Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks") is for networks of convolutions. Keras's own leaves
convolutions to AdamW; here a kernel is the matrix from what a place sees to its filters. Each step is made orthogonal, so that
rare directions are learnt as fast as common ones: fewer steps reach the same loss.

The average of the weights spans about a ninth of the steps so far, until that is as long as the recipe says. At full length from the
first step, a run of a few hundred steps would end with weights that it had left behind long before.
"""

from typing import Any

import keras
from keras import ops


class AdamW(keras.optimizers.AdamW):
    """Loshchilov & Hutter 2019, "Decoupled weight decay regularization"."""

    ema_momentum: Any

    def _update_model_variables_moving_average(self, trainable_variables: Any) -> None:
        longest = self.ema_momentum
        self.ema_momentum = momentum_at(self.iterations, longest)
        super()._update_model_variables_moving_average(trainable_variables)
        self.ema_momentum = longest


class Muon(keras.optimizers.Muon):
    """Kernels of convolutions, (rows, columns, channels, filters), take Muon's step; everything else AdamW's, at the same rate."""

    ema_momentum: Any

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

    def _update_model_variables_moving_average(self, trainable_variables: Any) -> None:
        longest = self.ema_momentum
        self.ema_momentum = momentum_at(self.iterations, longest)
        super()._update_model_variables_moving_average(trainable_variables)
        self.ema_momentum = longest


def momentum_at(steps: Any, longest: float) -> Any:
    """Of the average after so many steps, a scalar."""
    steps = ops.cast(steps, "float32")
    return ops.minimum(longest, (1 + steps) / (10 + steps))
