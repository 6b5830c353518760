"""Studies that look finished: every recipe and every product is there, and is empty."""

from pathlib import Path

import yaml

from memdyn.design.blocks import block_names, mask_names
from memdyn.identity.recipe import RECIPE, with_code, write_recipe
from memdyn.operations.places import places
from memdyn.plan.stage import FIGURES, POOL, TABLES
from memdyn.plan.study import StudyPlan


def finish(plan: StudyPlan) -> None:
    """What all jobs leave behind: recipes and products, here empty ones."""
    models = plan.study.config.shadow_models
    for stage, place in places(plan).values():
        recipe = place.parent / "logs" / place.name if stage.kind == FIGURES else place
        write_recipe(_made(recipe / RECIPE), with_code(stage.params()))
        blocks = filter(stage.is_of, block_names(models)) if stage.kind.per_block else [""]
        for block in blocks:
            product = place / block / stage.kind.product
            _made(product).mkdir() if stage.kind == FIGURES else _made(product).touch()
        if stage.kind == TABLES:
            (place / "folders.yaml").write_text(yaml.safe_dump(plan.folders()))
        if stage.kind == POOL:
            for name in mask_names(range(models)):
                _made(place / "membership" / f"{name}.npz").touch()


def _made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
