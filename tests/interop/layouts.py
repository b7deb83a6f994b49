"""Items that Orbax writes, or wrote, in other layouts than its default: each is a default item (or one in files) that is changed in place
into what another version or option leaves behind, by the same TensorStore. write.py puts them under the name of the layout."""

import os
import shutil

import tensorstore as ts


def _folder(path):
    return {"driver": "file", "path": path.rstrip("/") + "/"}


def _open(path, context=None, **options):
    return ts.KvStore.open({"driver": "ocdbt", "base": _folder(path), **options}, context=context or ts.Context()).result()


def _contents(path):
    database = _open(path)
    return {key: database.read(key).result().value for key in database.list().result()}


def _remove(path, *names):
    for name in names:
        target = os.path.join(path, name)
        if os.path.isdir(target):
            shutil.rmtree(target)
        elif os.path.exists(target):
            os.remove(target)


def _rewrite(path, batches=1, **options):
    """The database of an item made anew with these options, keys in several commits."""
    values = _contents(path)
    _remove(path, "manifest.ocdbt", "d", *[name for name in os.listdir(path) if name.startswith("ocdbt.process_")])
    database = _open(path, **options)
    keys = sorted(values)
    for batch in range(batches):
        with ts.Transaction() as transaction:
            for key in keys[batch::batches]:
                database.with_transaction(transaction)[key] = values[key]


def bare(path):
    """No file says what the structure is."""
    _remove(path, "_METADATA", "checkpoint", "_sharding", "array_metadatas", "_strings.json")


def separate(path):
    """store_ocdbt_metadata_and_values_separately."""
    _rewrite(path, value_data_prefix="ocdbt_data/", btree_node_data_prefix="ocdbt_meta/", version_tree_node_data_prefix="ocdbt_meta/")


def numbered(path):
    _rewrite(path, batches=20, config={"manifest_kind": "numbered"})


def tall(path):
    """Many small nodes, generations under version nodes, nothing inline: TensorStore's defaults of 2023 driven to their end."""
    _rewrite(path, batches=40, config={"max_inline_value_bytes": 0, "max_decoded_node_bytes": 300, "version_tree_arity_log2": 1, "compression": None})


def replicas(path):
    """Processes that write replicas: their folders have another name, to which the root refers."""
    values = _contents(path)
    _remove(path, "manifest.ocdbt", "d", *[name for name in os.listdir(path) if name.startswith("ocdbt.process_")])
    keys = sorted(values)
    context = ts.Context()  # a database copies from those of its own context alone
    root = _open(path, context, config={"max_inline_value_bytes": 16})
    for process in range(2):
        name = f"ocdbt.process_replica_{process}"
        child = _open(os.path.join(path, name), config={"max_inline_value_bytes": 16})
        for key in keys[process::2]:
            child[key] = values[key]
        with ts.Transaction(atomic=True) as transaction:
            _open(os.path.join(path, name), context).experimental_copy_range_to(root.with_transaction(transaction)).result()


# layout -> (what is done to an item, whether the item is written in files, the eras that can)
EVERY = ("2023", "2024", "2025", "newest")
LAYOUTS = {
    "bare_ocdbt": (bare, False, EVERY),
    "bare_files": (bare, True, EVERY),
    "numbered": (numbered, False, EVERY[1:]),
    "tall": (tall, False, EVERY),
    "separate": (separate, False, EVERY[1:]),
    "replicas": (replicas, False, EVERY[1:]),
}
