"""Read a learner that fastai 1 exported, with neither fastai 1 nor its Python.

`Learner.export` pickles whole objects: the network, and with it the loss, the optimiser, callbacks
and the state of the data. The file is followed symbolically (`models.conversion.pickles`), its
names are compared with a list, and the network is then built from modules of our own and torch's
layers. The rest is never run.
"""

from models.conversion.fastai1.learner import describe, read
from models.conversion.fastai1.names import full_name, strange, unknown

__all__ = ["describe", "full_name", "read", "strange", "unknown"]
