"""Data sets, and the pool that a study draws from one.

A loader is `load(options, files) -> RawData`: the plain options of the data set's config and the files that it
stands on, in the config's order. Loaders never download; `memdyn.data.download` does.
"""

REGISTRY: dict[str, str] = {
    "fashion_mnist_10k": "memdyn.data.embedded:load",
    "digits": "memdyn.data.digits:load",
    "mnist": "memdyn.data.idx:load",
    "fashion_mnist": "memdyn.data.idx:load",
    "kmnist": "memdyn.data.idx:load",
    "cifar10": "memdyn.data.torchvision_sets:load_cifar",
    "cifar100": "memdyn.data.torchvision_sets:load_cifar",
    "svhn": "memdyn.data.torchvision_sets:load_svhn",
    "cinic10": "memdyn.data.image_folder:load_cinic10",
    "image_folder": "memdyn.data.image_folder:load",
    "arrays": "memdyn.data.arrays:load",
    "custom": "memdyn.data.custom:load",
}
