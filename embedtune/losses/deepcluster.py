"""deepcluster: both views of a text belong to the cluster it was last found in."""

import torch
from torch import Tensor

from embedtune.losses.shared.arguments import Arguments
from embedtune.losses.shared.base import EmbeddingBatch, Loss, missing
from embedtune.losses.shared.vectors import unit, weighted_mean
from embedtune.losses.shared.views import student_views


class DeepCluster(Loss):
    """Classifies every view of a text into its cluster; each epoch finds new clusters from the student's vectors.

    When to use: passages with topics, together with a contrastive loss, which separates the texts within a cluster;
    alone it did not improve any starter, and on short sentences it hurt.
    Needs: anchors, positives, and the clusters of an epoch; further `views` if the batch has them. Cost: encoding all
    training texts and a k-means in each epoch; (B, K) cosines per view.

    Cross-entropy of softmax(cosine with the K centroids / temperature) with the text's cluster, mean over views. The
    centroids are the classifier and stay fixed within an epoch.

    Source: Caron et al. 2018, arXiv:1807.05520; centroids as classifier: Caron et al. 2020, arXiv:2006.09882, appendix
    D (DeepCluster-v2). Deviation: clusters are found from the anchors' vectors, without views.
    Bounds: >= 0; ln(K) when all cosines with the centroids are equal.

    Args:
        clusters: K; 2 or more, and at most the number of texts.
        temperature: divides cosines; > 0.

    Raises:
        ConfigError: a value out of its range; by a call, the batch has no clusters.

    Examples:
        >>> import torch
        >>> from embedtune import EmbeddingBatch, build_loss
        >>> views, clusters = torch.zeros(2, 4), torch.tensor([0, 1])
        >>> batch = EmbeddingBatch(anchors=views, positives=views, clusters=clusters, centroids=torch.eye(4))
        >>> round(build_loss("deepcluster")(batch).item(), 4)  # ln(4)
        1.3863
    """

    companions = ("clusters",)
    made_for_views = True

    def __init__(self, *, clusters: int = 100, temperature: float = 0.1) -> None:
        super().__init__()
        check = Arguments("deepcluster")
        self.clusters = check.count("clusters", clusters, at_least=2)
        self.temperature = check.number("temperature", temperature, above=0)

    def forward(self, batch: EmbeddingBatch) -> Tensor:
        """Mean over rows and views, of shape ()."""
        if batch.clusters is None or batch.centroids is None:
            raise missing("clusters and their centroids", "clusters=..., centroids=...")
        views = unit(student_views(batch))  # (V, B, D)
        logits = views @ unit(batch.centroids.detach().to(views)).T / self.temperature  # (V, B, K)
        wanted = batch.clusters.expand(len(views), -1)[..., None]  # (V, B, 1)
        rows = -logits.log_softmax(dim=-1).gather(2, wanted)[..., 0].mean(dim=0)  # (B,)
        with torch.no_grad():
            right = (logits.argmax(dim=-1) == batch.clusters).float().mean()
        self.count(accuracy=right)
        return weighted_mean(rows, batch.weights)
