"""mixture: a sum of normal distributions, one per cluster, with a covariance that all share.

Source: Dempster, Laird and Rubin 1977; scikit-learn's GaussianMixture on the 50 directions of largest variance.
"""

import numpy as np

from embedtune.clustering.method import ClusterItems, ClusterMethod, ClusterSettings
from embedtune.clustering.partition import Partition, partition
from embedtune.clustering.principal import reduced


def fit(items: ClusterItems, settings: ClusterSettings) -> Partition:
    """The most likely component of each item; the objective is minus the mean log-likelihood."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    points = reduced(items.points)
    if settings.demanded_k < 2 or len(points) < 2:
        return partition(np.zeros(len(points), dtype=np.int64), 0.0)
    model = GaussianMixture(
        settings.demanded_k,
        covariance_type="tied",
        n_init=min(3, settings.starts),
        reg_covar=1e-6,
        random_state=settings.seed,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # of copies; clusters without a member are left out
        labels = model.fit_predict(points.astype(float))
    return partition(labels, -float(model.lower_bound_))


METHOD = ClusterMethod(fit, "a mixture of normal distributions", needs_k=True, most=50_000)
