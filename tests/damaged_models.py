"""Ways in which a folder with a model can be damaged: each changes a copy of a whole one."""

import json

import torch
from safetensors.torch import load_file, save_file

WEIGHTS, CONFIG, INDEX = "model.safetensors", "config.json", "model.safetensors.index.json"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"
PAGE = b"\n<!DOCTYPE html><html><body>404</body></html>" + b" " * 200


def put(name, content):
    return lambda folder: (folder / name).write_bytes(content)


def cut(name, size):
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:size])


def drop(*names):
    return lambda folder: [(folder / name).unlink() for name in names]


def edit(name, **values):
    """Other values in a JSON file; None: the key goes."""

    def change(folder):
        found = json.loads((folder / name).read_text()) | values
        gone = {key for key, value in values.items() if value is None}  # others may be null: that is a value
        (folder / name).write_text(json.dumps({key: value for key, value in found.items() if key not in gone}))

    return change


def reweigh(change):
    """Other tensors in the file of weights."""

    def apply(folder):
        save_file(change(load_file(folder / WEIGHTS)), folder / WEIGHTS, {"format": "pt"})

    return apply


def without(name):
    return reweigh(lambda tensors: {key: value for key, value in tensors.items() if not key.endswith(name)})


def of_shape(name, *shape):
    return reweigh(lambda found: {key: torch.zeros(shape) if key.endswith(name) else found[key] for key in found})


def pickled(folder):
    torch.save(load_file(folder / WEIGHTS), folder / "pytorch_model.bin")
    (folder / WEIGHTS).unlink()


def index(*shards):
    def apply(folder):
        (folder / WEIGHTS).unlink()
        places = {f"tensor.{number}": shard for number, shard in enumerate(shards)}
        (folder / INDEX).write_text(json.dumps({"weight_map": places}))

    return apply


# Of any model: name -> what is done to it, what is said.
ANY = {
    "head cut short": (cut(WEIGHTS, 100), "model.safetensors is damaged or cut short"),
    "data cut short": (cut(WEIGHTS, -100), "model.safetensors is damaged or cut short"),
    "no bytes": (cut(WEIGHTS, 0), "model.safetensors is empty"),
    "zeros": (put(WEIGHTS, bytes(1000)), "nothing but zeros"),
    "pointer": (put(WEIGHTS, POINTER), "model.safetensors is a Git LFS pointer"),
    "web page": (put(WEIGHTS, PAGE), "model.safetensors is a web page"),
    "zip": (put(WEIGHTS, b"PK\x03\x04" + bytes(300)), "model.safetensors is a zip archive"),
    "pickle": (put(WEIGHTS, b"\x80\x02}q\x00." + bytes(90)), "model.safetensors is a pickle"),
    "pickled weights only": (pickled, "holds weights as pytorch_model.bin .*Only safetensors are read"),
    "no weights": (drop(WEIGHTS), "No weights in"),
    "absent shards": (index("model-1.safetensors", "model-2.safetensors"), "2 of them are not there: model-1"),
    "shards elsewhere": (index("../model.safetensors"), "names no files of its folder"),
    "index of nothing": (index(), "names no files of its folder"),
    "adapter": (put("adapter_config.json", b"{}"), "holds a PEFT adapter"),
    "no config": (drop(CONFIG), "No such .*config.json. .*Expected"),
    "config cut short": (cut(CONFIG, 20), "config.json is no valid JSON"),
    "config empty": (cut(CONFIG, 0), "config.json is empty"),
    "config pointer": (put(CONFIG, POINTER), "config.json is a Git LFS pointer"),
    "config list": (put(CONFIG, b"[]"), "config.json holds list"),
    "config null": (put(CONFIG, b"null"), "config.json holds NoneType"),
    "config nested": (put(CONFIG, b"[" * 200_000), "config.json is no valid JSON"),
    "config not UTF-8": (put(CONFIG, b"\xff\xfe{\x00"), "config.json is no valid JSON"),
    "no architecture": (edit(CONFIG, model_type=None, architectures=None), "loads from"),
    "unknown architecture": (edit(CONFIG, model_type="zzz"), "zzz"),
    "width of text": (edit(CONFIG, hidden_size="big", d_model="big"), "loads from"),
    "unknown activation": (edit(CONFIG, hidden_act="zzz", activation_function="zzz"), "loads from .*zzz"),
    "unknown dtype": (edit(CONFIG, dtype="float99", torch_dtype="float99"), "loads from .*float99"),
    "whole numbers": (reweigh(lambda found: {key: found[key].to(torch.int8) for key in found}), "of type I8"),
    "foreign names": (reweigh(lambda found: {f"x.{key}": found[key] for key in found}), "missing for a"),
}
