"""Every kind of bad config and bad file that we know of, and what its message must say."""

import math
from datetime import date

from studies import DROP

TABLE = {"name": "arrays", "path": "table.npz", "features": "x"}
OWN_MODEL = {"name": "custom", "target": "own.py:Net"}
OWN_DATA = {"name": "custom", "target": "own.py:load"}

# changes to a valid study -> what the message must say, in this order
BAD = {
    # names of keys, at every level
    "unknown key": ({"shadow_model": 8}, ["shadow_model = 8", "did you mean 'shadow_models'?", "allowed:", "grid"]),
    "unknown key of the base": ({"base.epoch": 3}, ["base.epoch = 3", "did you mean 'epochs'?", "batch_size"]),
    "unknown key of a model": ({"base.model.hiden": [3]}, ["base.model.hiden = [3]", "'hidden'?", "activation"]),
    "unknown key of an optimizer": ({"base.optimizer": {"name": "sgd", "lrr": 1}}, ["base.optimizer.lrr", "'lr'?"]),
    "unknown key of a part": ({"pool.parts.scord": 2}, ["pool.parts.scord = 2", "'scored'?", "population"]),
    "unknown key of a data set": ({"pool.dataset.split": "all"}, ['pool.dataset.split = "all"', "allowed: name"]),
    "unknown key of an attack": ({"attacks": [{"name": "lira", "mod": "online"}]}, ["attacks.0.mod", "'mode'?"]),
    "unknown key of a run": ({"runs.0.modl": {}}, ["runs.0.modl", "'model'?"]),
    "unknown key in a run's section": ({"runs.1.optimizer": {"lrr": 1}}, ["runs.1 (logistic).optimizer.lrr", "'lr'?"]),
    "unknown key of the statistics": ({"statistics.levl": 0.9}, ["statistics.levl = 0.9", "'level'?"]),
    "unknown key of the dynamics": ({"dynamics.threshold": [0.1]}, ["dynamics.threshold", "'thresholds'?"]),
    "unknown key of the analysis": ({"analysis.split": 3}, ["analysis.split = 3", "'splits'?"]),
    "unknown key of the difficulty": ({"difficulty.k": 3}, ["difficulty.k = 3", "allowed: measures"]),
    "unknown measure": (
        {"difficulty.measures": ["grad"]},
        ["difficulty.measures", "'grad' is no measure", "did you mean", "grand"],
    ),
    "a measure twice": ({"difficulty.measures": ["grand", "grand"]}, ["difficulty.measures", "must differ", "grand"]),
    "no neighbours": ({"difficulty.neighbours": 0}, ["difficulty.neighbours = 0", "at least 1"]),
    "an epoch before the first": ({"difficulty.grand_epoch": -1}, ["difficulty.grand_epoch = -1", "at least 0"]),
    "GraNd at no checkpoint": (
        {"difficulty": {"measures": ["grand"], "grand_epoch": 3}},
        ["difficulty.grand_epoch = 3", "run 'mlp'", "no such checkpoint", "allowed: 0, 1, 2, 4"],
    ),
    "prediction depth at no checkpoint of one run": (
        {"difficulty": {"measures": ["prediction_depth"], "depth_epoch": 4}, "runs.1.checkpoints": [0, 2]},
        ["difficulty.depth_epoch = 4", "run 'logistic'", "allowed: 0, 2"],
    ),
    "as many neighbours as members": (
        {"difficulty": {"measures": ["prediction_depth"], "neighbours": 200}},
        ["difficulty.neighbours = 200", "200 members (half of pool.parts.scored)", "at most 199"],
    ),
    "measures that nobody reads": (
        {"difficulty.measures": ["grand"], "analysis.enabled": False},
        ["difficulty.measures", "grand", "analysis.enabled is false", "allowed: []"],
    ),
    "unknown key of the claims": ({"claims.correlaton": 0.2}, ["claims.correlaton = 0.2", "'correlation'?"]),
    "unknown key of the regularization": (
        {"regularization": {"baseline": "mlp", "knwon": 5}},
        ["regularization.knwon = 5", "'known'?"],
    ),
    "no baseline": ({"regularization": {}}, ["regularization.baseline: missing"]),
    "an unknown baseline": (
        {"regularization": {"baseline": "mpl"}},
        ["regularization.baseline", "no run 'mpl'", "did you mean 'mlp'?", "logistic"],
    ),
    "nothing besides the baseline": (
        {"regularization": {"baseline": "mlp"}, "runs.1": DROP},
        ["regularization.baseline", "mlp is all there is", "allowed: with other runs"],
    ),
    "two baselines of one pool": (
        {"regularization": {"baseline": ["mlp", "logistic"]}},
        ["regularization.baseline", "mlp, logistic is all there is"],
    ),
    "a run on another pool than the baseline": (
        {"regularization": {"baseline": "mlp", "known": 10}, "runs.1.pool": {"seed": 5}},
        ["regularization.baseline", "'logistic' is on another pool", "allowed: a list"],
    ),
    "all members are known": (
        {"regularization": {"baseline": "mlp", "known": 101}},
        ["regularization.known = 101", "200 members", "allowed: at most 100"],
    ),
    "no strong attack": (
        {
            "regularization": {"baseline": "mlp"},
            "attacks": [{"name": "loss"}],
            "dynamics": {"attacks": ["loss"], "thresholds": [0.01]},
            "report.threshold": 0.01,
        },
        ["regularization", "no attack but 'loss'", "allowed:", "lira"],
    ),
    "an unknown strong attack": (
        {"regularization": {"baseline": "mlp", "strong": ["lirra"]}},
        ["regularization.strong: 'lirra'", "did you mean 'lira'?"],
    ),
    "RAD of nothing": ({"regularization": {"baseline": "mlp", "rad": [0]}}, ["regularization.rad.0 = 0", "greater"]),
    "unknown key of the report": ({"report.titel": "x"}, ["report.titel", "'title'?"]),
    "unknown key of the augmentation": ({"base.augment.flp": True}, ["base.augment.flp = true", "'flip'?"]),
    "another model's key": ({"runs.1.model.hidden": [3]}, ["runs.1 (logistic).model.hidden", "allowed: name"]),
    "a number as a key": ({"base.model": {"name": "mlp", 1: 2}}, ["base.model.1", "must be text"]),
    # names of things
    "unknown data set": ({"pool.dataset.name": "digit"}, ['pool.dataset.name = "digit"', "'digits'?", "cifar10"]),
    "unknown architecture": ({"base.model.name": "mpl"}, ['base.model.name = "mpl"', "'mlp'?", "resnet18"]),
    "unknown architecture of a run": (
        {"runs.0.model": {"name": "rsnet18"}},
        ["runs.0 (mlp).model.name", "'resnet18'?"],
    ),
    "unknown torchvision net": (
        {"base.model": {"name": "torchvision", "arch": "resnet5"}},
        ["base.model.arch", "resnet5"],
    ),
    "unknown optimizer": ({"base.optimizer": {"name": "adamm"}}, ["base.optimizer.name", "'adam'?", "muon"]),
    "unknown schedule": ({"base.schedule": {"name": "cos"}}, ["base.schedule.name", "'cosine'?", "one_cycle"]),
    "unknown attack": ({"attacks": [{"name": "lra"}]}, ["attacks.0.name", "'lira'?", "rmia"]),
    "unknown device": ({"device": "gpu"}, ['device = "gpu"', "'cpu' or 'cuda'"]),
    "unknown way with divergence": ({"on_divergence": "skip"}, ['on_divergence = "skip"', "'stop' or 'drop'"]),
    "unknown precision": ({"base.precision": "float16"}, ["base.precision", "'float32' or 'bfloat16'"]),
    "no name": ({"base.model": {"hidden": [3]}}, ["base.model.name: missing"]),
    "no name of a run": ({"runs.1.name": DROP}, ["runs.1.name: missing"]),
    "a run's name with a blank": ({"runs.1.name": "a b"}, ['runs.1.name = "a b"', "matches"]),
    "a study's name with a slash": ({"study": "a/b"}, ['study = "a/b"', "matches"]),
    # what must be given
    "no study": ({"study": DROP}, ["study: missing"]),
    "no pool": ({"pool": DROP}, ["pool: missing"]),
    "no milestones": ({"base.schedule": {"name": "step"}}, ["base.schedule.milestones: missing"]),
    "an empty section": ({"pool.parts": None}, ["pool.parts = null", "section"]),
    # types
    "text for a number": ({"shadow_models": "eight"}, ['shadow_models = "eight"', "whole number"]),
    "a quoted number": ({"base.epochs": "4"}, ['base.epochs = "4"', "whole number"]),
    "a fraction": ({"shadow_models": 8.0}, ["shadow_models = 8.0", "whole number"]),
    "a truth value for a whole number": ({"base.epochs": True}, ["base.epochs = true", "whole number"]),
    "a truth value for a number": (
        {"base.optimizer": {"name": "sgd", "lr": True}},
        ["base.optimizer.lr = true", "number"],
    ),
    "text for a truth value": ({"base.augment.flip": "yes"}, ['base.augment.flip = "yes"', "true or false"]),
    "a number for text": ({"study": 3}, ["study = 3", "text"]),
    "a name for a section": ({"base.model": "mlp"}, ['base.model = "mlp"', "section"]),
    "a section for a list": ({"attacks": {"name": "lira"}}, ["attacks = ", "list"]),
    "a number for a list": ({"base.model.hidden": 16}, ["base.model.hidden = 16", "list"]),
    "not a number": ({"base.optimizer": {"name": "sgd", "lr": math.nan}}, ["base.optimizer.lr = nan", "finite"]),
    "infinite, as text": ({"attacks": [{"name": "rmia", "gamma": "inf"}]}, ['attacks.0.gamma = "inf"', "number"]),
    "a date": (
        {"base.model": {**OWN_MODEL, "options": {"day": date(2020, 1, 1)}}},
        ["base.model.options.day", "quotes"],
    ),
    # values
    "an odd number of models": ({"shadow_models": 9}, ["shadow_models", "even", "9"]),
    "too few models": ({"shadow_models": 6}, ["shadow_models = 6", "at least 8"]),
    "negative learning rate": (
        {"base.optimizer": {"name": "sgd", "lr": -1}},
        ["base.optimizer.lr = -1", "greater than 0"],
    ),
    "momentum of 1": (
        {"base.optimizer": {"name": "sgd", "momentum": 1.0}},
        ["base.optimizer.momentum = 1.0", "less than 1"],
    ),
    "epochs beyond counting": ({"base.epochs": 10**20}, ["base.epochs = 1000000", "at most 1e+06"]),
    "models beyond counting": ({"shadow_models": 10**20}, ["shadow_models = 1000000", "at most 1e+06"]),
    "no epochs": ({"base.epochs": 0}, ["base.epochs = 0", "at least 1"]),
    "no units": ({"base.model.hidden": [0]}, ["base.model.hidden.0 = 0", "at least 1"]),
    "three layers": ({"base.model": {"name": "cnn", "layers": 3}}, ["base.model.layers = 3", "2, 4 or 8"]),
    "depth of a Wide ResNet": ({"base.model": {"name": "wrn", "depth": 27}}, ["base.model.depth", "22, 28", "27"]),
    "level in percent": ({"statistics.level": 95}, ["statistics.level = 95", "less than 1"]),
    "an odd number of samples": ({"pool.parts.scored": 401}, ["pool.parts.scored = 401", "multiple of 2"]),
    "no sham": ({"pool.parts.sham": 0}, ["pool.parts.sham = 0", "at least 20"]),
    "an odd sham": ({"pool.parts.sham": 21}, ["pool.parts.sham = 21", "multiple of 2"]),
    "negative seed": ({"pool.seed": -1}, ["pool.seed = -1", "at least 0"]),
    "unknown threshold": ({"dynamics.thresholds": ["lr2"]}, ['dynamics.thresholds.0 = "lr2"', "'lr1'", "number"]),
    "a threshold above 1": ({"dynamics.thresholds": [1.5]}, ["dynamics.thresholds.0 = 1.5", "less than 1"]),
    "no checkpoint": ({"base.checkpoints": []}, ["base.checkpoints", "non-empty"]),
    "a negative checkpoint": ({"base.checkpoints": [-1, 2]}, ["base.checkpoints.0 = -1", "at least 0"]),
    "falling checkpoints": ({"base.checkpoints": [2, 1]}, ["base.checkpoints", "increasing", "[2, 1]"]),
    "a word for checkpoints": ({"base.checkpoints": "al"}, ['base.checkpoints = "al"', "a list or 'all'"]),
    "falling milestones": (
        {"base.schedule": {"name": "step", "milestones": [2, 1]}},
        ["base.schedule.milestones", "ascend"],
    ),
    "no attacks": ({"attacks": []}, ["attacks = []", "list of 1 or more"]),
    # what does not fit together
    "a checkpoint beyond the end": ({"base.checkpoints": [0, 5]}, ["base.checkpoints: 5", "epochs: 4", "0 to 4"]),
    "a run's end before the checkpoints": ({"runs.1.epochs": 2}, ["runs.1 (logistic).checkpoints: 4", "epochs: 2"]),
    "milestones beyond the end": (
        {"base.schedule": {"name": "step", "milestones": [4]}},
        ["base.schedule.milestones: [4]", "epochs: 4"],
    ),
    "warm-up beyond the end": (
        {"base.schedule": {"name": "cosine", "warmup_epochs": 4}},
        ["base.schedule.warmup_epochs: 4.0", "epochs: 4"],
    ),
    "Nesterov without momentum": (
        {"base.optimizer": {"name": "sgd", "momentum": 0, "nesterov": True}},
        ["base.optimizer.nesterov", "momentum > 0"],
    ),
    "a pool larger than the data set": (
        {"pool.parts.scored": 4000},
        ["pool.parts: 4500", "digits has 1797", "smaller"],
    ),
    "a run's pool larger than the data set": (
        {"runs.1.pool": {"parts": {"test": 2000}}},
        ["runs.1 (logistic).pool.parts", "digits has 1797"],
    ),
    "batches larger than a model's members": (
        {"base.batch_size": 201},
        ["runs.0 (mlp).batch_size = 201", "200 members", "at most 200"],
    ),
    "a conv net on a table": (
        {"pool.dataset": TABLE, "runs.1.model": {"name": "cnn"}},
        ["runs.1 (logistic).model.name = cnn", "table", "mlp"],
    ),
    "augmentation of a table": (
        {"pool.dataset": TABLE, "base.augment.crop": 2},
        ["runs.0 (mlp).augment: crop 2", "table"],
    ),
    "ye without population": (
        {
            "pool.parts.population": 0,
            "attacks": [{"name": "ye", "reference": "population"}],
            "dynamics.attacks": ["ye-population"],
        },
        ["pool.parts.population = 0", "ye-population", "at least 1"],
    ),
    "rmia without population": ({"pool.parts.population": 0}, ["pool.parts.population = 0", "rmia", "at least 1"]),
    "a run's rmia without population": (
        {"runs.1.pool": {"parts": {"population": 0}}},
        ["runs.1 (logistic).pool.parts.population = 0", "rmia"],
    ),
    "a of online rmia": ({"attacks": [{"name": "rmia", "a": 0.2}]}, ["attacks.0: a = 0.2", "offline"]),
    "an attack twice": ({"attacks": [{"name": "lira"}, {"name": "lira", "mode": "online"}]}, ["attacks", "lira, lira"]),
    "dynamics of no attack": ({"dynamics.attacks": ["lira-x"]}, ["dynamics.attacks", "'lira-x'", "lira-offline"]),
    "dynamics of an attack on some samples": (
        {"attacks": [{"name": "lira"}, {"name": "boundary_distance"}], "dynamics.attacks": ["boundary_distance"]},
        ["dynamics.attacks", "'boundary_distance' is of the first scored samples alone", "allowed: lira"],
    ),
    "too few queries": (
        {"probes": {"boundary_distance": {"query_budget": 99}}},
        ["probes.boundary_distance.query_budget = 99", "at least 100"],
    ),
    "a turn beyond half of one": ({"probes": {"views": {"rotation": 181}}}, ["probes.views.rotation", "at most 180"]),
    "dynamics of an attack twice": ({"dynamics.attacks": ["lira", "lira"]}, ["dynamics.attacks", "differ"]),
    "two equal FPRs": ({"analysis.smooth_fprs": [0.01, 0.01]}, ["analysis.smooth_fprs", "must differ", "0.01"]),
    "an FPR above a half": ({"analysis.smooth_fprs": [0.6]}, ["analysis.smooth_fprs.0 = 0.6", "0.5"]),
    "likelihood ratio alone": ({"dynamics.thresholds": ["lr1"]}, ["dynamics.thresholds", "loss", "0.01"]),
    "threshold of the report": ({"report.threshold": 0.2}, ["report.threshold: 0.2", "dynamics.thresholds", "0.01"]),
    "runs with one name": ({"runs.1.name": "mlp"}, ["runs", "'mlp'", "differ"]),
    "runs with one recipe": ({"runs.1": {"name": "again"}}, ["'again' and 'mlp'", "differ"]),
    "a grid without values": ({"grid": {"optimizer.lr": []}}, ["grid.optimizer.lr = []", "1 or more"]),
    "a grid value that is no list": ({"grid": {"optimizer.lr": 0.1}}, ["grid.optimizer.lr = 0.1", "list"]),
    "labels without values": ({"grid": {"optimizer.lr": {}}}, ["grid.optimizer.lr = {}", "1 or more"]),
    "an empty label": ({"grid": {"optimizer.lr": {" ": 0.1}}}, ["grid", "'optimizer.lr'", "' '", "1 to 60"]),
    "a label of two lines": ({"grid": {"optimizer.lr": {"a\nb": 0.1}}}, ["grid", r"'a\nb'", "one line"]),
    "a long label": ({"grid": {"optimizer.lr": {"x" * 61: 0.1}}}, ["grid", "1 to 60 printable"]),
    "a grid of one section": (
        {"grid": {"optimizer": {"name": "sgd", "lr": 0.1}}},
        ["grid", "'optimizer'", "one section", "a list of sections"],
    ),
    "a grid whose label has a bad value": (
        {"grid": {"optimizer.lr": {"fast": 0.1, "wrong": -1}}},
        ["grid (mlp).optimizer.lr = -1", "greater than 0"],
    ),
    "a grid over an unknown section": ({"grid": {"optimiser.lr": [0.1]}}, ["grid", "'optimiser.lr'", "'optimizer'?"]),
    "a grid over an unknown key": ({"grid": {"optimizer.lrr": [0.1]}}, ["grid (mlp).optimizer.lrr = 0.1", "'lr'?"]),
    "a grid over a key of a value": (
        {"grid": {"epochs.lr": [1]}, "runs.0.epochs": 4},
        ["grid.epochs.lr", "no section"],
    ),
    "a bad value in a grid": (
        {"grid": {"optimizer.lr": [0.1, -1]}},
        ["grid (mlp).optimizer.lr = -1", "greater than 0"],
    ),
    "a grid value twice": ({"grid": {"optimizer.lr": [0.1, 0.1]}}, ["two runs", "'mlp:lr=0.1'", "differ"]),
    "a grid over the models": ({"grid": {"shadow_models": [8, 16]}}, ["grid", "'shadow_models'", "allowed: model"]),
    # files
    "a target without a name": (
        {"base.model": {"name": "custom", "target": "own.py"}},
        ["base.model.target", "own.py"],
    ),
    "arrays of an unknown format": ({"pool.dataset": {**TABLE, "path": "a.csv"}}, ["pool.dataset.path", "npz|parquet"]),
    "neither images nor a table": (
        {"pool.dataset": {"name": "arrays", "path": "a.npz"}},
        ["pool.dataset: give exactly one of", "features"],
    ),
}

# the same, seen when the study is planned
BAD_FILES = {
    "no data file": ({"pool.dataset": {**TABLE, "path": "no.npz"}}, ["arrays", "no such file", "no.npz"]),
    "no image folder": (
        {"pool.dataset": {"name": "image_folder", "path": "photos", "size": 8}},
        ["image_folder", "no such", "photos"],
    ),
    "no cinic10": ({"pool.dataset": {"name": "cinic10"}, "data_dir": "nowhere"}, ["cinic10", "nowhere/cinic10/train"]),
    "no such key in the file": ({"pool.dataset": {**TABLE, "features": "z"}}, ["table.npz", "'z'", "'x'"]),
    "labels of another length": (
        {"pool.dataset": {**TABLE, "labels": "few"}},
        ["table.npz", "few: 1000 samples, but 3 labels"],
    ),
    "a pool larger than the file": ({"pool.dataset": TABLE, "pool.parts.test": 500}, ["1200", "table.npz", "1000"]),
    "an empty data file": ({"pool.dataset": {**TABLE, "path": "empty.npz"}}, ["empty.npz", "cannot be read"]),
    "a folder without classes": (
        {"pool.dataset": {"name": "image_folder", "path": "folder", "size": 8}},
        ["folder", "0 class folders"],
    ),
    "no own model": ({"base.model": {**OWN_MODEL, "target": "no.py:Net"}}, ["model.target", "no.py", "No such file"]),
    "no such name in the own model": (
        {"base.model": {**OWN_MODEL, "target": "own.py:Nte"}},
        ["model.target", "'Net'?"],
    ),
    "own model that is not Python": ({"base.model": {**OWN_MODEL, "target": "bad.py:Net"}}, ["bad.py", "not Python"]),
    "no own data set": ({"pool.dataset": {**OWN_DATA, "target": "no.py:load"}}, ["pool.dataset.target", "no.py"]),
    "no such name in the own data set": (
        {"pool.dataset": {**OWN_DATA, "target": "own.py:laod"}},
        ["pool.dataset.target", "'load'?"],
    ),
    "no file of the own data set": ({"pool.dataset": {**OWN_DATA, "files": ["no.bin"]}}, ["custom", "no.bin"]),
}
