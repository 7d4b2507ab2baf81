"""Trains a small but real nnU-Net v2 on bodies that `render.py` wrote, and packs it as TotalSegmentator's own weights.

    python tests/weights/train.py --bodies build/tiny-models/ct --task total --out tests/weights

Runs in the engine's environment. Nothing of TotalSegmentator or nnU-Net is patched: folder name, trainer name, plans.json,
dataset.json and checkpoint_final.pth are what their own loaders read. The network is nnU-Net's PlainConvUNet and the labels
are nnU-Net's regions, whose `regions_class_order` gives TotalSegmentator's own numbers: seventeen outputs, not 118, so a
whole body fits into the memory of a small machine. Each output learns by itself whether its region is there, as nnU-Net
reads it: above zero is inside, and of two regions at one place the later one counts.
"""

import argparse
import io
import json
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
from totalsegmentator.map_tasks_config import TASK_CONFIGS, TASK_ID_WEIGHTS_CONFIGS
from totalsegmentator.map_to_binary import class_map

SPACING_KJI = (6.5, 6.5, 6.5)
PATCH_KJI = (88, 40, 56)  # 57 x 26 x 36 cm: the trunk across, half of the body along; multiples of 8
BATCH = 2  # with a single patch, PyTorch takes a convolution that is three times as slow
FEATURES = (8, 16, 32, 48, 48)
STRIDES = (1, 2, 2, 2, 1)
MAX_RATE = 8e-3
KEPT_BACK = 2  # bodies that are not trained on, for the figures that are printed
RARE = 6.0  # greatest weight of the voxels of a small region
SEED = 0
NO_PATIENT = "Trained on a synthetic cohort for tests of software. It has seen no patient and must not be used on one."

# Structures of the synthetic cohort by TotalSegmentator's names. nnU-Net takes labels for regions when one holds several
# ids: the first part of a lung is written as the whole, and the other parts lie over it.
_SINGLE = ("spleen", "kidney_right", "kidney_left", "liver", "stomach", "pancreas", "esophagus", "colon",
           "urinary_bladder", "heart", "aorta", "brain")  # fmt: skip
_CT_LUNGS = {10: (10, 11, 12, 13, 14), 11: (11,), 12: (12, 13, 14), 13: (13,), 14: (14,)}
_MR_LUNGS = {10: (10, 11), 11: (11,)}


def regions_of(task: str) -> dict[int, tuple[int, ...]]:
    """The id that each region gives, and the ids that nnU-Net is told it holds."""
    ids = {name: number for number, name in class_map[task].items()}
    lungs = _CT_LUNGS if task == "total" else _MR_LUNGS
    return lungs | {ids[name]: (ids[name],) for name in _SINGLE}


def plans_of(dataset: str, modality: str, properties: Mapping[str, float]) -> dict[str, object]:
    """The plans of nnU-Net for the network and the preprocessing."""
    stages = len(FEATURES)
    resampling = {"is_seg": False, "order": 1, "order_z": 0, "force_separate_z": False}
    torch_resampling = {"is_seg": False, "force_separate_z": False, "memefficient_seg_resampling": False}
    architecture = {
        "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
        "arch_kwargs": {
            "n_stages": stages,
            "features_per_stage": list(FEATURES),
            "conv_op": "torch.nn.modules.conv.Conv3d",
            "kernel_sizes": [[3, 3, 3]] * stages,
            "strides": [[stride] * 3 for stride in STRIDES],
            "n_conv_per_stage": [1, 2, 2, 2, 2],
            "n_conv_per_stage_decoder": [1] * (stages - 1),
            "conv_bias": True,
            "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
            "norm_op_kwargs": {"eps": 1e-5, "affine": True},
            "dropout_op": None,
            "dropout_op_kwargs": None,
            "nonlin": "torch.nn.LeakyReLU",
            "nonlin_kwargs": {"inplace": True},
        },
        "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
    }
    configuration = {
        "data_identifier": "nnUNetPlans_3d_fullres",
        "preprocessor_name": "DefaultPreprocessor",
        "batch_size": BATCH,
        "patch_size": list(PATCH_KJI),
        "median_image_size_in_voxels": list(PATCH_KJI),
        "spacing": list(SPACING_KJI),
        "use_mask_for_norm": [False],
        "batch_dice": True,
        "normalization_schemes": ["CTNormalization" if modality == "CT" else "ZScoreNormalization"],
        "resampling_fn_data": "resample_data_or_seg_to_shape",
        "resampling_fn_data_kwargs": resampling,
        "resampling_fn_seg": "resample_data_or_seg_to_shape",
        "resampling_fn_seg_kwargs": {**resampling, "is_seg": True},
        "resampling_fn_probabilities": "resample_torch_fornnunet",
        "resampling_fn_probabilities_kwargs": torch_resampling,
        "architecture": architecture,
    }
    return {
        "dataset_name": dataset,
        "plans_name": "nnUNetPlans",
        "original_median_spacing_after_transp": list(SPACING_KJI),
        "original_median_shape_after_transp": list(PATCH_KJI),
        "image_reader_writer": "SimpleITKIO",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "experiment_planner_used": "ExperimentPlanner",
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {"0": dict(properties)},
        "configurations": {"3d_fullres": configuration},
    }


def read_bodies(folder: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """Image (float32) and labels (uint8) of each body, [k, j, i]."""
    found = []
    for path in sorted(folder.glob("body-*.npz")):
        with np.load(path) as body:
            found.append((body["image"].astype(np.float32), body["labels"]))
    return found


def properties_of(bodies: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, float]:
    """What nnU-Net calls the intensity properties of the foreground."""
    values = np.concatenate([image[labels > 0][::7] for image, labels in bodies])
    return {
        "max": float(values.max()),
        "mean": float(values.mean()),
        "median": float(np.median(values)),
        "min": float(values.min()),
        "percentile_00_5": float(np.percentile(values, 0.5)),
        "percentile_99_5": float(np.percentile(values, 99.5)),
        "std": float(values.std()),
    }


def normalised(image: np.ndarray, modality: str, properties: Mapping[str, float]) -> np.ndarray:
    """The image as nnU-Net's CTNormalization or ZScoreNormalization gives it to the network."""
    if modality == "CT":
        cut = np.clip(image, properties["percentile_00_5"], properties["percentile_99_5"])
        return (cut - properties["mean"]) / max(properties["std"], 1e-8)
    return (image - image.mean()) / max(float(image.std()), 1e-8)


class Crops:
    """Random patches of the bodies with changes of intensity; never mirrored, because sides matter."""

    def __init__(
        self, bodies: list[tuple[np.ndarray, np.ndarray]], regions: Mapping[int, tuple[int, ...]], empty: float = 0.0
    ) -> None:
        self.bodies = bodies
        self.empty = empty
        self.held = np.zeros((len(regions), 256), np.float32)
        for row, ids in enumerate(regions.values()):
            self.held[row, list(ids)] = 1
        count = sum(np.bincount(labels.ravel(), minlength=256) for _, labels in bodies)
        part = self.held @ count / count.sum()
        self.weights = torch.tensor(np.clip(0.25 / np.sqrt(part), 1.0, RARE), dtype=torch.float32)
        self.draw = np.random.default_rng(SEED)

    def take(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Patches (BATCH, 1, k, j, i) and whether each region is there (BATCH, region, k, j, i)."""
        patches, regions = zip(*(self._one() for _ in range(BATCH)), strict=True)
        return torch.cat(patches), torch.cat(regions)

    def _one(self) -> tuple[torch.Tensor, torch.Tensor]:
        image, labels = self.bodies[int(self.draw.integers(len(self.bodies)))]
        free = [n - p for n, p in zip(image.shape, PATCH_KJI, strict=True)]
        start = [int(self.draw.integers(room + 1)) for room in free]
        for axis in (1, 2):  # the body lies in the middle
            start[axis] = int(np.clip(round(self.draw.normal(free[axis] / 2, free[axis] / 6)), 0, free[axis]))
        box = tuple(slice(s, s + p) for s, p in zip(start, PATCH_KJI, strict=True))
        if self.draw.random() < self.empty:
            image, labels = np.full_like(image, image.min()), np.zeros_like(labels)
        patch = torch.from_numpy(np.ascontiguousarray(image[box], np.float32))[None, None]
        patch = patch * float(self.draw.uniform(0.85, 1.15)) + float(self.draw.normal(0, 0.08))
        patch += torch.randn_like(patch) * float(self.draw.uniform(0, 0.12))
        return patch, torch.from_numpy(self.held[:, labels[box]])[None]


AXES = (0, 2, 3, 4)  # all but that of the regions


def trained(net: torch.nn.Module, crops: Crops, iterations: int, rate: float) -> torch.nn.Module:
    """Train with weighted cross entropy and soft Dice of the regions that the patch shows."""
    net = net.to(memory_format=torch.channels_last_3d).train()
    optimiser = torch.optim.AdamW(net.parameters(), rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=iterations, pct_start=0.08)
    weights = crops.weights[None, :, None, None, None]
    began = time.monotonic()
    for iteration in range(iterations):
        patch, true = crops.take()
        found = net(patch.to(memory_format=torch.channels_last_3d))
        entropy = torch.nn.functional.binary_cross_entropy_with_logits(found, true, pos_weight=weights)
        part = found.sigmoid()
        size = true.sum(AXES)
        dice = (2 * (part * true).sum(AXES) + 1e-3) / (part.sum(AXES) + size + 1e-3)
        shown = size > 0
        loss = len(size) * entropy + (1 - dice[shown].mean() if shown.any() else 0)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 2.0)
        optimiser.step()
        schedule.step()
        if iteration % 20 == 0 or iteration == iterations - 1:
            mean = float(dice.detach()[shown].mean()) if shown.any() else float("nan")
            print(
                f"{iteration:5d}  loss {float(loss.detach()):.3f}  Dice {mean:.3f}  {time.monotonic() - began:.0f} s",
                flush=True,
            )
    return net.eval()


@torch.no_grad()
def checked(net: torch.nn.Module, crops: Crops, names: list[str], count: int = 24) -> None:
    """Print the Dice of each region over patches of bodies that were kept back."""
    both, each = torch.zeros(len(names)), torch.zeros(len(names))
    for _ in range(count):
        patch, true = crops.take()
        inside = (net(patch) > 0).float()
        both += 2 * (inside * true).sum(AXES)
        each += inside.sum(AXES) + true.sum(AXES)
    dice = both / each
    print(
        f"kept back: mean Dice {float(dice.mean()):.3f}, "
        + ", ".join(f"{n} {d:.2f}" for n, d in zip(names, dice, strict=True))
    )


def started(net: torch.nn.Module, path: Path, names: list[str]) -> None:
    """Give a network the weights of another task's zip, each structure those of its namesake, lobes those of their lung.

    The bodies are the same in both tasks, so shapes and places are known and only the greys are new.
    """
    with zipfile.ZipFile(path) as archive:
        (entry,) = (name for name in archive.namelist() if name.endswith(".pth"))
        checkpoint = torch.load(io.BytesIO(archive.read(entry)), weights_only=False)
    known = list(checkpoint["init_args"]["dataset_json"]["labels"])[1:]
    rows = [known.index(name if name in known else f"lung_{name.rpartition('_')[2]}") for name in names]
    own = net.state_dict()
    for name, half in checkpoint["network_weights"].items():
        value = half.float()
        is_head = ".seg_layers." in name
        own[name] = value[rows] if is_head else value
    net.load_state_dict(own)


def packed(path: Path, folder: str, texts: Mapping[str, object], checkpoint: Mapping[str, object]) -> None:
    """Write the weights as the zip that TotalSegmentator imports; equal weights give equal bytes but for the checkpoint."""
    saved = path.with_suffix(".pth")
    torch.save(checkpoint, saved)
    entries = {name: json.dumps(value, indent=1).encode() for name, value in texts.items()}
    entries["fold_0/checkpoint_final.pth"] = saved.read_bytes()
    saved.unlink()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(zipfile.ZipInfo(f"{folder}/{name}", (2026, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)


def main() -> None:
    """Train one model and write its zip."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bodies", type=Path, required=True, help="folder of render.py")
    parser.add_argument("--task", choices=["total", "total_mr"], required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--iterations", type=int, default=600)
    parser.add_argument("--empty", type=float, default=0.0, help="share of patches of air, 0 to 1")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rate", type=float, default=MAX_RATE, help="greatest learning rate")
    parser.add_argument("--start", type=Path, help="zip of either task, to start from")
    chosen = parser.parse_args()
    torch.manual_seed(SEED)
    torch.set_num_threads(chosen.threads)
    modality = "CT" if chosen.task == "total" else "MR"
    mode = TASK_CONFIGS[chosen.task]["sub_modes"]["fast"]
    dataset = TASK_ID_WEIGHTS_CONFIGS[mode["task_id"]]["foldername"]
    regions = regions_of(chosen.task)

    bodies = read_bodies(chosen.bodies)
    properties = properties_of(bodies)
    plans = plans_of(dataset, modality, properties)
    architecture = plans["configurations"]["3d_fullres"]["architecture"]
    net = get_network_from_plans(
        architecture["network_class_name"],
        architecture["arch_kwargs"],
        architecture["_kw_requires_import"],
        1,
        len(regions),
        deep_supervision=False,
    )
    bodies = [(normalised(image, modality, properties), labels) for image, labels in bodies]
    names = [class_map[chosen.task][given] for given in regions]
    if chosen.start:
        started(net, chosen.start, names)
    net = trained(net, Crops(bodies[:-KEPT_BACK], regions, chosen.empty), chosen.iterations, chosen.rate)
    checked(net, Crops(bodies[-KEPT_BACK:], regions), names)

    description = {
        "channel_names": {"0": "CT" if modality == "CT" else "MRI"},
        "labels": {"background": 0, **dict(zip(names, map(list, regions.values()), strict=True))},
        "regions_class_order": list(regions),
        "numTraining": len(bodies) - KEPT_BACK,
        "file_ending": ".nii.gz",
        "description": NO_PATIENT,
    }
    half: dict[int, torch.Tensor] = {}  # the decoder lists the encoder again: keep its storage shared
    weights = {name: half.setdefault(v.data_ptr(), v.detach().half()) for name, v in net.state_dict().items()}
    checkpoint = {
        "network_weights": weights,
        "trainer_name": mode["trainer"],
        "init_args": {"configuration": "3d_fullres", "fold": 0, "plans": plans, "dataset_json": description},
        "inference_allowed_mirroring_axes": None,
        "current_epoch": chosen.iterations,
    }
    folder = f"{dataset}/{mode['trainer']}__nnUNetPlans__3d_fullres"
    path = chosen.out / f"tiny-{chosen.task}-fast.zip"
    packed(path, folder, {"plans.json": plans, "dataset.json": description}, checkpoint)
    print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB, {sum(p.numel() for p in net.parameters())} parameters")


if __name__ == "__main__":
    main()
