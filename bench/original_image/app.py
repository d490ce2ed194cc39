"""The original's handler: a fastai 1 learner, loaded at the start, draws a photo an invocation."""

import base64
import io
import sys

from fastai.vision import image2np, load_learner, open_image
from PIL import Image
from torch import nn


class FeatureLoss(nn.Module):
    """ArtLine's learner was saved from a notebook, and looks for its loss there."""


sys.modules["__main__"].FeatureLoss = FeatureLoss


learner = load_learner("/var/task", "learner.pkl")


def handler(event, _):
    photo = open_image(io.BytesIO(base64.b64decode(event["body"])))
    art = image2np(learner.predict(photo)[0].data)
    file = io.BytesIO()
    Image.fromarray((art.clip(0, 1) * 255).astype("uint8")).save(file, "JPEG")
    return {"statusCode": 200, "body": base64.b64encode(file.getvalue()).decode()}
