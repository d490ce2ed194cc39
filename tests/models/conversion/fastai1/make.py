# A program for Python 3.8, which has none of what these rules ask for.
# ruff: noqa: B905, C408, RUF005, T201, UP031
"""Make genuine fastai 1 learners: Python 3.8, fastai 1.0.61 and torch 1.6.0 (requirements.txt).

    python make.py artline build/artline.pkl --photos ../../../samples

Each recipe trains for a moment on crops of the given photos, with a difference of Gaussians for its
target, so that activations are lively and outputs unsaturated, then exports as ArtLine did. Beside
`NAME.pkl` it leaves `NAME.npz`: a photo (uint8 [H, W, 3]) and what `learn.predict` made of it
(float16 [H, W, 1 or 3], 0 to 1).
"""

from __future__ import annotations

import argparse
import random
import tempfile
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from fastai.callbacks.hooks import hook_outputs
from fastai.callbacks.tracker import EarlyStoppingCallback
from fastai.layers import BCEWithLogitsFlat, MSELossFlat, NormType
from fastai.train import ShowGraph
from fastai.vision import (
    Image,
    ImageImageList,
    ResizeMethod,
    get_transforms,
    imagenet_stats,
    models,
    pil2tensor,
    unet_learner,
)
from fastai.vision.models.xresnet import XResNet
from PIL import Image as PILImage
from PIL import ImageOps
from torch import nn
from torchvision.models import vgg16_bn
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet


class FeatureLoss(nn.Module):
    """Pixels, and features of a VGG: the shape of ArtLine's own loss, which lived in `__main__`."""

    def __init__(self, features, layers, weights):
        super().__init__()
        self.m_feat = features
        self.loss_features = [features[i] for i in layers]
        self.hooks = hook_outputs(self.loss_features, detach=False)
        self.wgts = weights
        self.metric_names = ["pixel"] + ["feat_%d" % i for i in layers]

    def forward(self, output, target):
        self.m_feat(target)
        wanted = [o.clone() for o in self.hooks.stored]
        self.m_feat(output)
        losses = [F.l1_loss(output, target)]
        losses += [F.l1_loss(o, w) * k for o, w, k in zip(self.hooks.stored, wanted, self.wgts)]
        self.metrics = dict(zip(self.metric_names, losses))
        return sum(losses)


def small_features():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 4, 3))


def narrow(block, planes):
    """A resnet of four single-block stages, narrow enough that its learner can be committed."""

    def arch(pretrained=False):
        net = ResNet(block, [1, 1, 1, 1])
        net.inplanes = planes[0]
        net.conv1 = nn.Conv2d(3, planes[0], kernel_size=7, stride=2, padding=3, bias=False)
        net.bn1 = nn.BatchNorm2d(planes[0])
        net.layer1 = net._make_layer(block, planes[0], 1)
        net.layer2 = net._make_layer(block, planes[1], 1, stride=2)
        net.layer3 = net._make_layer(block, planes[2], 1, stride=2)
        net.layer4 = net._make_layer(block, planes[3], 1, stride=2)
        return net

    return arch


def xresnet(pretrained=False):
    return XResNet(1, [1, 1, 1, 1])


RESNET = {"cut": -2, "split_on": lambda m: (m[0][6], m[1])}


def deoldify(kind):
    """The function that makes DeOldify's deep or wide learners, from its own package."""

    def make(data, arch, **options):
        from deoldify import generators

        return getattr(generators, "unet_learner_" + kind)(data, arch=arch, **options)

    return make


DEOLDIFY = dict(
    arch=narrow(BasicBlock, (8, 12, 16, 24)),
    size=100,
    loss=MSELossFlat,
    options=dict(blur=True, norm_type=NormType.Spectral, self_attention=True, y_range=(-3.0, 3.0)),
)


def artline_loss():
    return FeatureLoss(vgg16_bn(False).features.eval(), [22, 32, 42], [0.5, 0.15, 0.2])


# size, data options, unet_learner options, and whether torch's older file format is used.
RECIPES = {
    "artline": dict(
        arch=models.resnet34,
        size=500,
        loss=artline_loss,
        options=dict(
            wd=1e-3,
            blur=True,
            norm_type=NormType.Spectral,
            self_attention=True,
            y_range=(-3.0, 3.0),
        ),
    ),
    "spectral": dict(
        arch=narrow(BasicBlock, (8, 12, 16, 24)),
        size=100,  # 13, 7, 4: the decoder has to interpolate, as it does at 500
        loss=lambda: FeatureLoss(small_features(), [1, 3], [1.0, 1.0]),
        options=dict(
            blur=True,
            norm_type=NormType.Spectral,
            self_attention=True,
            y_range=(-3.0, 3.0),
            **RESNET,
        ),
    ),
    "weight": dict(
        arch=narrow(Bottleneck, (4, 6, 8, 8)),
        size=96,
        loss=MSELossFlat,
        do_y=False,
        stats=([0.5, 0.4, 0.45], [0.25, 0.25, 0.3]),
        legacy=True,
        resize_method=ResizeMethod.SQUISH,
        callback_fns=[ShowGraph],
        options=dict(norm_type=NormType.Weight, bottle=True, **RESNET),
    ),
    "logits": dict(
        arch=narrow(BasicBlock, (8, 12, 16, 24)),
        size=(64, 96),
        loss=BCEWithLogitsFlat,  # fastai 1 puts a sigmoid behind the model for this one
        do_y=False,
        options=dict(
            norm_type=NormType.Batch,
            self_attention=True,
            last_cross=False,
            blur=True,
            blur_final=False,
            **RESNET,
        ),
    ),
    "batch": dict(
        arch=narrow(BasicBlock, (8, 12, 16, 24)),
        size=(96, 64),
        loss=MSELossFlat,
        callbacks=[EarlyStoppingCallback],
        options=dict(  # NormType.Batch puts a norm behind the very last convolution too
            norm_type=NormType.Batch, self_attention=True, blur=True, bottle=True, **RESNET
        ),
    ),
    "grey": dict(
        arch=narrow(BasicBlock, (8, 12, 16, 24)),
        size=64,
        loss=MSELossFlat,
        mode="L",
        stats=([0.5], [0.25]),  # one number for the photo's three channels
        options=dict(norm_type=NormType.Weight, **RESNET),
    ),
    "xresnet": dict(
        arch=xresnet,
        size=100,
        loss=MSELossFlat,
        options=dict(norm_type=NormType.Weight, blur=True, split_on=lambda m: (m[0], m[1])),
    ),
    "resnet18": dict(
        arch=models.resnet18,
        size=128,
        loss=MSELossFlat,
        options=dict(norm_type=NormType.Weight, blur=True, y_range=(-3.0, 3.0)),
    ),
    "deep": dict(maker=deoldify("deep"), **DEOLDIFY),
    "wide": dict(maker=deoldify("wide"), **DEOLDIFY),
}


def gaussian(grey, sigma):
    reach = int(3 * sigma)
    x = torch.arange(-reach, reach + 1).float()
    k = torch.exp(-(x**2) / (2 * sigma**2))
    k = k / k.sum()
    grey = F.conv2d(F.pad(grey, [reach] * 4, mode="reflect"), k.view(1, 1, 1, -1))
    return F.conv2d(grey, k.view(1, 1, -1, 1))


def line_art(photo):
    """Extended difference of Gaussians: dark lines on white, enough of an aim for a few steps."""
    grey = torch.from_numpy(np.asarray(photo.convert("L"), dtype=np.float32) / 255)[None, None]
    sharp, wide = gaussian(grey, 1.0), gaussian(grey, 1.6)
    lines = torch.sigmoid(40 * (sharp - 0.97 * wide) + 1.5)
    return PILImage.fromarray((lines[0, 0].numpy() * 255).astype(np.uint8)).convert("RGB")


def prepare(photos, folder, size, count=24):
    """Crops of the photos, and their line art, as two folders of one another's names."""
    height, width = (size, size) if isinstance(size, int) else size
    pictures = [
        ImageOps.exif_transpose(PILImage.open(p)).convert("RGB")
        for p in sorted(photos.glob("*.jpg"))
    ]
    (folder / "photo").mkdir()
    (folder / "art").mkdir()
    for i in range(count):
        picture = pictures[i % len(pictures)]
        scale = max(height / picture.height, width / picture.width) * random.uniform(1, 1.5)
        picture = picture.resize((int(picture.width * scale) + 1, int(picture.height * scale) + 1))
        left = random.randint(0, picture.width - width)
        top = random.randint(0, picture.height - height)
        crop = picture.crop((left, top, left + width, top + height))
        crop.save(folder / "photo" / ("%02d.png" % i))
        line_art(crop).save(folder / "art" / ("%02d.png" % i))


def learner(recipe, folder, train_size, batch):
    """A learner of `recipe` whose data hold `folder`, at `train_size` until it is exported."""

    def data(size, bs):
        items = ImageImageList.from_folder(folder / "photo").split_by_rand_pct(0.2, seed=42)
        mode = recipe.get("mode", "RGB")
        items = items.label_from_func(lambda p: folder / "art" / p.name, convert_mode=mode)
        method = recipe.get("resize_method")
        items = items.transform(get_transforms(), size=size, tfm_y=True, resize_method=method)
        bunch = items.databunch(bs=bs, num_workers=0)
        bunch.normalize(recipe.get("stats", imagenet_stats), do_y=recipe.get("do_y", True))
        bunch.c = len(mode)
        return bunch

    learn = recipe.get("maker", unet_learner)(
        data(train_size, batch),
        recipe["arch"],
        pretrained=False,
        loss_func=recipe["loss"](),
        callback_fns=recipe.get("callback_fns"),
        **recipe["options"],
    )
    learn.callbacks += [callback(learn) for callback in recipe.get("callbacks", [])]
    return learn, data


def train(learn, steps):
    """Plain Adam, and then the running statistics of every batch norm over again."""
    torch.manual_seed(0)
    with torch.no_grad():
        for name, p in learn.model.named_parameters():
            if name.endswith("gamma"):
                p.fill_(
                    0.5
                )  # fastai starts at nought, and an attention that adds nothing tests nothing
    opt = torch.optim.Adam(learn.model.parameters(), 1e-3)
    learn.model.train()
    step = 0
    while step < steps:
        for x, y in learn.data.train_dl:
            opt.zero_grad()
            loss = learn.loss_func(learn.model(x), y)
            loss.backward()
            opt.step()
            step += 1
            if step % 10 == 0:
                print("step %d: loss %.3f" % (step, loss.item()), flush=True)
            if step >= steps:
                break
    with torch.no_grad():
        for x, _ in learn.data.train_dl:
            learn.model(x)
    learn.model.eval()


def predict(learn, photo):
    """What the learner itself makes of `photo`: float [H, W, 1 or 3], 0 to 1."""
    tensor = pil2tensor(photo, np.float32).div_(255)
    return learn.predict(Image(tensor))[0].data.permute(1, 2, 0).numpy()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", choices=sorted(RECIPES))
    parser.add_argument("out", type=Path)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--train-size", type=int)
    args = parser.parse_args()
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)

    recipe = RECIPES[args.recipe]
    args.out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        prepare(args.photos, folder, recipe["size"])
        learn, data = learner(recipe, folder, args.train_size or recipe["size"], 4)
        train(learn, args.steps)
        learn.data = data(recipe["size"], 4)
        photo = PILImage.open(folder / "photo" / "03.png").convert("RGB")
        art = predict(learn, photo)
        print("output: mean %.3f, sd %.3f, %.1f %% at the ends" % (
            art.mean(), art.std(), 100 * ((art <= 0) | (art >= 1)).mean()
        ))  # fmt: skip
        if recipe.get("legacy"):
            torch.save.__kwdefaults__ = None
            torch.save.__defaults__ = torch.save.__defaults__[:-1] + (False,)
        learn.path = args.out.parent.resolve()
        learn.export(args.out.name)
    np.savez_compressed(
        args.out.with_suffix(".npz"), photo=np.asarray(photo), art=art.astype(np.float16)
    )


if __name__ == "__main__":
    main()
