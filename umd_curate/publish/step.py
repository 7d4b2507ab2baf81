"""The story of publishing: a release folder that may leave, a target, and the one way in which each target is written.

What may leave at all (verified, searched for identifiers) is decided before, in ``pipeline/publishing.py``.
"""

from pathlib import Path

from umd_curate.model.config import UmdConfig
from umd_curate.publish.bucket_io import BucketPublisher
from umd_curate.publish.folder_io import FolderPublisher
from umd_curate.publish.hub import Hub
from umd_curate.publish.publisher_io import Published, Publisher, YankPlan
from umd_curate.publish.repository_io import HubPublisher
from umd_curate.publish.target import Target, Visibility, missing_grounds, refuse_open

__all__ = ["Published", "Publisher", "YankPlan", "publisher_of"]


def publisher_of(target: Target, config: UmdConfig, visibility: Visibility | None = None) -> Publisher:
    """The publisher of a target.

    Parameters
    ----------
    target
        Where releases go.
    config
        States licence, ethics approval and consent, and the Hub's address.
    visibility
        Who shall be able to read a repository; None leaves it as it is, and a new one is private and gated.

    Raises
    ------
    PublishError
        The repository shall be open, and the grounds are not stated.
    """
    if target.kind == "folder":
        return FolderPublisher(Path(target.place))
    if target.kind == "bucket":
        return BucketPublisher(target.place)
    if visibility is not None:
        refuse_open(visibility, config.dataset)
    may_be_open = not missing_grounds(config.dataset)
    hub = Hub(target.place, endpoint=config.publish.endpoint)
    return HubPublisher(hub, visibility, may_be_open=may_be_open)
