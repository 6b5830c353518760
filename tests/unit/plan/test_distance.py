"""What is planned for the level distance, and that it renames nothing else."""

from studies import plan

SECTION = {"samples": 100, "known": 50, "models": 8, "levels": ["q0.9"]}
FIRST, SECOND = "block-0000-0007", "block-0008-0015"


def test_it_is_a_stage_of_each_run_beside_the_others():
    before, after = plan({"shadow_models": 16}), plan({"shadow_models": 16, "level_distance": SECTION})
    for old, new in zip(before.runs, after.runs, strict=True):
        assert [stage.path for stage in old.stages()] == [
            stage.path for stage in new.stages() if stage.path in before.stages
        ]
        added = [stage for stage in new.stages() if stage.path not in before.stages]
        assert [stage.kind.name for stage in added] == ["probe", "probe", "probe", "distance"]
        assert new.distance.path.startswith(f"{new.outputs.path}/distance-m016-")
        assert set(new.distance.needs) == {"level_distance", "margin_gradient", "input_curvature"}
        assert after.stage(new.distance.path) is new.distance
        assert after.folders()[new.name]["distance"] == new.distance.path
    assert before.tables.folder != after.tables.folder and "distance" not in before.folders()["mlp"]


def test_a_search_of_some_models_waits_for_no_other_block():
    made = plan({"shadow_models": 16, "level_distance": SECTION})
    run = made.runs[0]
    names = [[stage.slug for stage in made.readers(run.train, block)] for block in (FIRST, SECOND)]
    assert names == [
        ["outputs", "level-distance", "margin-gradient", "input-curvature"],
        ["outputs", "margin-gradient"],
    ]
    assert run.probes["level_distance"].is_of(FIRST) and not run.probes["level_distance"].is_of(SECOND)
    everyone = plan({"shadow_models": 16, "level_distance": SECTION | {"models": None}}).runs[0]
    assert everyone.probes["level_distance"].is_of(SECOND)


def test_what_changes_its_name():
    def paths(**changes):
        run = plan({"level_distance": SECTION | changes}).runs[0]
        return run.probes["level_distance"].path, run.probes["margin_gradient"].path, run.distance.path

    first = paths()
    assert paths() == first
    for changes in ({"samples": 101}, {"levels": ["gap"]}, {"norms": ["linf"]}, {"known": 51}, {"epochs": [2]}):
        search, gradient, distance = paths(**changes)
        assert (search == first[0], gradient == first[1], distance == first[2]) == (False, True, False), changes
    assert paths(curvature_draws=2)[:2] == first[:2]
