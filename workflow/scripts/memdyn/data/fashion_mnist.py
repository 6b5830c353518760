"""Fashion-MNIST's classes (Xiao, Rasul, Vollgraf 2017), for the embedded subset and for the whole set."""

CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
