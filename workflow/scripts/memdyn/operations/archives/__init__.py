"""Archives of studies: what goes in, how it is written and packed, how it is checked and rebuilt.

README.md                how to check it
config.yaml              the study's config, every key
code/                    the code that made it
results/                 recipes, pools, masks, training logs, scores, tables of runs; as in the results folder
study/                   tables, figures, report
lineage.json             which table feeds which figure, and which artifact which table
manifest.json            size and SHA-256 of all of this; equal for equal results
ro-crate-metadata.json   the same for machines, as a Workflow Run RO-Crate
environment/             what differs between machines: versions, hosts, times, logs; SHA256SUMS of every file
"""

CONFIG, CODE, RESULTS, STUDY, ENVIRONMENT = "config.yaml", "code", "results", "study", "environment"
README, LINEAGE, MANIFEST, CRATE = "README.md", "lineage.json", "manifest.json", "ro-crate-metadata.json"
CHANGES = "changes.diff"  # of a checkout that differs from its commit
SUMS = f"{ENVIRONMENT}/SHA256SUMS"
VERSIONS = f"{ENVIRONMENT}/versions.json"
