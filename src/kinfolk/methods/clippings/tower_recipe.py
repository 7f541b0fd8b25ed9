"""The recipe of a training in which some towers come trained and others begin anew."""

from __future__ import annotations

from dataclasses import dataclass

from kinfolk.encoders.record import RecordEncoder
from kinfolk.errors import ConfigurationError
from kinfolk.methods.recipe import Recipe
from kinfolk.methods.trainable import Trainable


@dataclass(frozen=True)
class TowerRecipe(Recipe):
    """A recipe with a rate of its own for towers that come trained.

    The step that random weights need to get anywhere takes from trained ones what they know: they move at the rate that is usual
    for such models (Devlin et al., BERT, 2019, arXiv 1810.04805, appendix A.3: 2e-5 to 5e-5), and projections and other towers at
    ``learning_rate``.

    Attributes:
        tower_learning_rate: of the towers in ``Towers.trained`` that are not locked, in (0, inf); it warms up, falls and is
            scaled as ``learning_rate`` is. Without such a tower it changes nothing.
    """

    tower_learning_rate: float = 2e-5

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.tower_learning_rate < float("inf"):
            raise ConfigurationError(
                f"tower_learning_rate must be a number in (0, inf). Got {self.tower_learning_rate}."
            )


def slow_towers(module: Trainable, encoder: RecordEncoder, recipe: TowerRecipe) -> None:
    """Let the towers of an encoder that come trained learn at the rate that the recipe has for them.

    Args:
        module: what trains the encoder; its optimizer is not made yet.
        encoder: whose towers are meant.
        recipe: of the training.
    """
    module.slow = [encoder.towers[kind] for kind in encoder.settings.trained if kind in encoder.towers]
    module.slow_share = recipe.tower_learning_rate / recipe.learning_rate
