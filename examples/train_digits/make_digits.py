"""Makes digits.safetensors from scikit-learn's copy of the data: pip install scikit-learn safetensors; python make_digits.py

The file is in the repository, so that the example needs neither. Images lie flat, 64 pixels of 0 to 16 each, in scikit-learn's order.
"""
import pathlib

import numpy as np
from safetensors.numpy import save_file
from sklearn.datasets import load_digits

digits = load_digits()
images = digits.data.astype(np.uint8)
labels = digits.target.astype(np.uint8)
assert images.shape == (1797, 64) and (images == digits.data).all() and images.max() == 16 and set(labels) == set(range(10))
path = pathlib.Path(__file__).with_name("digits.safetensors")
save_file({"images": images, "labels": labels}, path, metadata={
    "title": "Optical Recognition of Handwritten Digits, test set",
    "authors": "E. Alpaydin, C. Kaynak (1998), UCI Machine Learning Repository, doi:10.24432/C50P49",
    "license": "CC BY 4.0, https://creativecommons.org/licenses/by/4.0/",
    "changes": "by way of scikit-learn's load_digits; pixels and labels as uint8 in two arrays",
})
print(path, path.stat().st_size, "bytes")
