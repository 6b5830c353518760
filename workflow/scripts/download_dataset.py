"""Fetches a published data set into `data_dir`, where there is network."""

from memdyn.data.download import download
from memdyn.identity.job import teller

if __name__ == "__main__":
    tell = teller(snakemake.log[0], snakemake.rule)
    tell(f"downloading {snakemake.params.dataset} into {snakemake.params.data_dir}")
    download(snakemake.params.dataset, snakemake.params.data_dir)
