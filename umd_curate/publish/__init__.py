"""Publish: brings a finished release folder to where others read it, and takes a version back.

A target is a dataset repository of the Hugging Face Hub, a bucket that fsspec reaches, or a folder. Whatever the target, no
reader of its newest version ever sees half a release: the files go to a place of their own, are compared with the release's
checksums there, and only then the one pointer moves. `step.py` tells the story; `hub.py`, `bucket_io.py`, `folder_io.py` and
`io.py` touch the world, and all other files decide. What may leave at all is the pipeline's to say.
"""

from umd_curate.publish.plan import PushPlan, Stage
from umd_curate.publish.step import Publisher, YankPlan, publisher_of

__all__ = ["Publisher", "PushPlan", "Stage", "YankPlan", "publisher_of"]
