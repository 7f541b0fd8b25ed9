"""One short function a family of golden vectors: reads the file, calls the public API, returns what is to be compared.

A family is the part of a file's name before ``__``. An adapter computes nothing itself, and takes every hyperparameter
from the file, so that unseen files of a family run unchanged. It returns outputs by the names of the file's arrays.
"""

import copy
import warnings
from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from crop_statistics import crop_statistics
from golden_case import Case
from kinfolk import evaluation as e
from kinfolk import objectives as o
from kinfolk import views as v
from kinfolk.data.corpora import sampling_probabilities
from kinfolk.data.typography import plain_typography
from kinfolk.encoders.experts import Experts, group_rows
from kinfolk.encoders.mean_pooler import MeanPooler
from kinfolk.encoders.routers import sentence_switch, sentence_top_k, token_top_k
from kinfolk.encoders.text_pooling import TanhHead, pool_tokens
from kinfolk.evaluation import best_cut
from kinfolk.methods.gradcache import backward_in_chunks
from kinfolk.search.cross_encoder import adaptive, cur

Outputs = Mapping[str, Tensor | object]
ADAPTERS: dict[str, Callable[[Case], Outputs]] = {}


def family(name: str) -> Callable[[Callable[[Case], Outputs]], Callable[[Case], Outputs]]:
    def enter(adapter: Callable[[Case], Outputs]) -> Callable[[Case], Outputs]:
        ADAPTERS[name] = adapter
        return adapter

    return enter


# --- views of an item ------------------------------------------------------------------------------------------------


@family("ntxent")
def ntxent(case: Case) -> Outputs:
    features = case.leaf("features")
    loss = o.NTXent(case.hyper("temperature"))(*features.unbind(1))
    return {"loss": loss, "grad": case.gradient(loss, features)}


@family("infonce")
def infonce(case: Case) -> Outputs:
    q, k = case.leaf("q"), case.leaf("k")
    temperature = case.hyper("temperature")
    both = o.InfoNCE(temperature)(q, k)
    one_way = o.InfoNCE(temperature, symmetric=False)
    q2k = one_way(q, k)
    return {
        "loss_sym": both,
        "loss_q2k": q2k,
        "loss_k2q": one_way(k, q),
        "grad_q": case.gradient(both, q),
        "grad_k": case.gradient(both, k),
        "grad_q_oneway": case.gradient(q2k, q),
        "grad_k_oneway": case.gradient(q2k, k),
        "logits": o.cosines(q, k) / temperature,
    }


@family("supcon")
def supcon(case: Case) -> Outputs:
    features = case.leaf("features")
    settings = {"first_view_only": case.hyper("contrast_mode", "all") == "one"}
    temperature = case.hyper("temperature")
    name = "mask" if "mask" in case else "labels"
    chosen = {name: case.tensor(name) if name in case else torch.arange(len(features))}  # without labels all differ
    loss = o.SupCon(temperature, base_temperature=case.hyper("base_temperature"), **settings)
    value = loss(*features.unbind(1), **chosen)
    plain = o.SupCon(temperature, **settings)(*features.unbind(1), **chosen)
    return {"loss": value, "grad": case.gradient(value, features), "loss_without_temperature_ratio": plain}


@family("align_uniform")
def align_uniform(case: Case) -> Outputs:
    x, y = case.leaf("x"), case.leaf("y")
    alpha, t = case.hyper("alpha"), case.hyper("t")
    align = o.alignment(x, y, alpha=alpha)
    uniform_x, uniform_y = o.uniformity(x, t=t), o.uniformity(y, t=t)
    return {
        "align": align,
        "uniform_x": uniform_x,
        "uniform_y": uniform_y,
        "total": o.AlignUniform(alpha, t)(x, y),
        "grad_align_x": case.gradient(align, x),
        "grad_align_y": case.gradient(align, y),
        "grad_uniform_x": case.gradient(uniform_x, x),
        "grad_uniform_y": case.gradient(uniform_y, y),
    }


@family("dcl")
def dcl(case: Case) -> Outputs:
    z1, z2 = case.leaf("z1"), case.leaf("z2")
    loss = o.DCL(case.hyper("temperature"))(z1, z2)
    each = o.decoupled(z1, z2, temperature=case.hyper("temperature")).mean(0)
    return {
        "loss_sym": loss,
        "loss_12": each[0],
        "loss_21": each[1],
        "grad_z1": case.gradient(loss, z1),
        "grad_z2": case.gradient(loss, z2),
        "grad12_z1": case.gradient(each[0], z1),
        "grad12_z2": case.gradient(each[0], z2),
    }


@family("dclw")
def dclw(case: Case) -> Outputs:
    z1, z2 = case.leaf("z1"), case.leaf("z2")
    temperature, sigma = case.hyper("temperature"), case.hyper("sigma")
    loss = o.DCLW(temperature, sigma=sigma)(z1, z2)
    attached = o.DCLW(temperature, sigma=sigma, weight_gradient=True)(z1, z2)
    each = o.decoupled(z1, z2, temperature=temperature, sigma=sigma).mean(0)
    return {
        "weights": o.dclw_weights(o.cosines(z1, z2).diagonal(), sigma),
        "loss_sym": loss,
        "loss_12": each[0],
        "loss_21": each[1],
        "grad_z1_weight_detached": case.gradient(loss, z1),
        "grad_z2_weight_detached": case.gradient(loss, z2),
        "grad_z1_weight_attached": case.gradient(attached, z1),
        "grad_z2_weight_attached": case.gradient(attached, z2),
    }


# --- pairs -----------------------------------------------------------------------------------------------------------


@family("clip")
def clip(case: Case) -> Outputs:
    images, texts, log_scale = case.leaf("image_raw"), case.leaf("text_raw"), case.tensor("log_scale")
    objective = o.CLIP().to(images.dtype)
    with torch.no_grad():
        objective.log_scale.copy_(log_scale)
    loss = objective(images, texts)
    return {
        "loss": loss,
        "grad_image": case.gradient(loss, images),
        "grad_text": case.gradient(loss, texts),
        "grad_log_scale": case.gradient(loss, objective.log_scale),
    }


@family("mnr")
def mnr(case: Case) -> Outputs:
    anchors, positives = case.leaf("anchors"), case.leaf("positives")
    negatives = case.leaf("negatives") if "negatives" in case else None
    blocks = () if negatives is None else negatives.unbind(0)
    temperature = 1 / case.tensor("scale").item()
    loss = o.MultipleNegativesRanking(temperature, symmetric="symmetric" in case.name)(anchors, positives, *blocks)
    outputs = {
        "loss": loss,
        "grad_anchors": case.gradient(loss, anchors),
        "grad_positives": case.gradient(loss, positives),
    }
    return outputs if negatives is None else {**outputs, "grad_negatives": case.gradient(loss, negatives)}


@family("primer")
def primer(case: Case) -> Outputs:
    positive, negatives = case.leaf("score_pos"), case.leaf("score_neg")
    ranking = o.ranking_nce(positive, negatives).mean()
    binary = o.binary_nce(positive, negatives, case.tensor("log_q_pos"), case.tensor("log_q_neg")).mean()
    return {
        "ranking_nce": ranking,
        "ranking_grad_pos": case.gradient(ranking, positive),
        "ranking_grad_neg": case.gradient(ranking, negatives),
        "binary_nce": binary,
        "binary_grad_pos": case.gradient(binary, positive),
        "binary_grad_neg": case.gradient(binary, negatives),
    }


# --- queues and neighbors --------------------------------------------------------------------------------------------


@family("moco")
def moco(case: Case) -> Outputs:
    queue = case.tensor("queue_before")
    of_queries, of_keys = (case.linear(name) for name in ("weight_q", "weight_k_before"))
    objective = o.MoCo(case.hyper("temperature"), dim=queue.shape[1], queue_size=len(queue)).to(queue.dtype)
    objective.queue.rows.copy_(queue)
    outputs = {}
    for step in range(case.hyper("steps")):
        queries = of_queries(case.tensor(f"x_q_{step}"))
        o.update_key_encoder(of_keys, of_queries, momentum=case.hyper("momentum"))
        keys = of_keys(case.tensor(f"x_k_{step}"))
        logits = o.queue_logits(queries, keys, objective.queue.rows, temperature=case.hyper("temperature"))
        loss = objective(queries, keys)
        outputs |= {
            f"logits_{step}": logits,
            f"loss_{step}": loss,
            f"grad_weight_q_{step}": case.gradient(loss, of_queries.weight),
            f"queue_after_{step}": objective.queue.rows.clone(),
            f"ptr_after_{step}": objective.queue.pointer,
            f"weight_k_after_{step}": of_keys.weight.detach().clone(),
        }
    return outputs


@family("mochi")
def mochi(case: Case) -> Outputs:
    q, k, queue = case.leaf("q"), case.tensor("k"), case.tensor("queue")
    temperature, num_hard = case.hyper("temperature"), case.hyper("n_hard")
    drawn = (
        case.tensor(name) if name in case else torch.zeros(len(q), 0, dtype=torch.int64)
        for name in ("pick1_a", "pick1_b", "alpha", "pick2", "beta")
    )
    mixing = o.Mixing(*drawn)
    objective = o.MoCHi(temperature, dim=q.shape[1], queue_size=len(queue), num_hard=num_hard).eval().to(q.dtype)
    objective.queue.rows.copy_(queue)
    hard = o.nearest_rows(q, queue, count=num_hard)
    pairs, with_query = o.mix_hard_negatives(q, queue, hard, mixing)
    synthetic = torch.cat([pairs, with_query], dim=1)
    loss = objective(q, k, mixing=mixing)
    return {
        "hard_index": hard,
        "synthetic_1": pairs,
        "synthetic_2": with_query,
        "logits": o.queue_logits(q, k, queue, temperature=temperature, synthetic=synthetic),
        "loss": loss,
        "loss_without_mixing": objective(q, k),
        "grad_q": case.gradient(loss, q),
    }


@family("nnclr")
def nnclr(case: Case) -> Outputs:
    z1, z2, p1, p2 = (case.leaf(name) for name in ("z1", "z2", "p1", "p2"))
    bank = case.tensor("bank")
    objective = o.NNCLR(case.hyper("temperature"), dim=bank.shape[1], queue_size=len(bank)).eval().to(bank.dtype)
    objective.queue.rows.copy_(bank)
    nearest = [o.nearest_rows(z, bank)[:, 0] for z in (z1, z2)]
    loss = objective(z1, z2, p1, p2)
    return {
        "nn_index_1": nearest[0],
        "nn_index_2": nearest[1],
        "loss": loss,
        "grad_p1": case.gradient(loss, p1),
        "grad_p2": case.gradient(loss, p2),
        "grad_z1": case.gradient(loss, z1),
        "grad_z2": case.gradient(loss, z2),
    }


# --- prototypes ------------------------------------------------------------------------------------------------------


@family("sinkhorn")
def sinkhorn(case: Case) -> Outputs:
    shares = o.sinkhorn_assignments(
        case.tensor("scores"), epsilon=case.hyper("epsilon"), iterations=case.hyper("iterations")
    )
    return {"assignments": shares, "row_sums": shares.sum(1), "column_sums": shares.sum(0)}


@family("swav")
def swav(case: Case) -> Outputs:
    embeddings, prototypes = case.leaf("embeddings"), case.tensor("prototypes")
    items, num_assigned = case.hyper("B"), case.hyper("n_assign_crops")
    objective = o.SwAV(
        case.hyper("temperature"),
        dim=prototypes.shape[1],
        num_prototypes=len(prototypes),
        epsilon=case.hyper("epsilon"),
        iterations=case.hyper("sinkhorn_iterations"),
        num_assigned=num_assigned,
        queue_size=case.hyper("queue_per_crop", 0),
    )
    objective.eval().to(prototypes.dtype)
    objective.prototypes.data.copy_(prototypes)
    for queue, rows in zip(objective.queues, case.tensor("queue") if "queue" in case else (), strict=True):
        queue.enqueue(rows)
    loss = objective(*embeddings.split(items))
    scores = objective.scores(embeddings).detach().requires_grad_()
    assignments = objective.assignments(*scores.split(items))
    of_scores = o.swapped_prediction(scores.split(items), assignments, temperature=case.hyper("temperature")).mean()
    return {
        "scores": scores,
        "assignments": torch.stack(assignments),
        "loss": loss,
        "grad_embeddings": case.gradient(loss, embeddings),
        "grad_prototypes": case.gradient(loss, objective.prototypes),
        "grad_scores": case.gradient(of_scores, scores),
    }


# --- sorting ---------------------------------------------------------------------------------------------------------


@family("diffsort")
def diffsort(case: Case) -> Outputs:
    scores = case.leaf("vectors")
    values, permutation = o.soft_sort(
        scores,
        steepness=case.hyper("steepness"),
        relaxation=case.hyper("relaxation"),
        network=case.hyper("network"),
        art_lambda=case.hyper("art_lambda", 0.25),
    )
    of_probe = case.gradient((permutation * case.tensor("probe_weights")).sum(), scores)
    return {"soft_sorted": values, "permutation": permutation, "grad_vectors_of_probe": of_probe}


@family("groco")
def groco(case: Case) -> Outputs:
    views = [case.leaf(f"z{number}") for number in range(1, case.hyper("n_views") + 1)]
    steepness = case.hyper("steepness")
    settings = {
        "top_k": case.hyper("topk_neg"),
        "positive_views": case.hyper("n_positive_views"),
        "stop_gradient": case.hyper("stop_grad"),
    }
    scores = o.groco_scores(views, 0, **settings)
    values, permutation = o.soft_sort(scores, steepness=steepness)
    loss = o.GroCo(steepness=steepness, **settings)(*views)
    return {
        "first_anchor_scores": scores,
        "first_anchor_soft_sorted": values,
        "first_anchor_permutation": permutation,
        "loss": loss,
        **{f"grad_z{number}": case.gradient(loss, view) for number, view in enumerate(views, 1)},
    }


# --- conditional weights, behavior -----------------------------------------------------------------------------------


@family("contrastive_behaviour")
def contrastive_behaviour(case: Case) -> Outputs:
    x, y, labels = case.leaf("x"), case.leaf("y"), case.tensor("labels")
    temperature, top_k, weight = (case.hyper(name) for name in ("temperature", "hard_top_k", "lambda_simple"))
    losses = {
        "contrastive": o.InfoNCE(temperature, symmetric=False)(x, y),
        "hard_contrastive": o.HardContrastive(temperature, top_k=top_k)(x, y),
        "simple": o.Simple(weight)(x, y),
        "hard_simple": o.HardSimple(weight, top_k=top_k)(x, y),
    }
    similarity = o.cosines(x, y)
    slopes = o.similarity_gradients(similarity, temperature=temperature)
    return {
        **{f"loss_{name}": loss for name, loss in losses.items()},
        **{f"grad_x_{name}": case.gradient(loss, x) for name, loss in losses.items()},
        **{f"grad_y_{name}": case.gradient(loss, y) for name, loss in losses.items()},
        "similarity": similarity,
        "hard_mask": o.hard_negatives(similarity, top_k=top_k),
        "relative_penalty": o.relative_penalties(similarity, temperature=temperature),
        "gradient_positive_similarity": slopes.positive,
        "gradient_negative_similarity": slopes.negative,
        "penalty_entropy": o.penalty_entropy(x, y, temperature=temperature),
        "uniformity": o.uniformity(x, t=case.hyper("t")),
        "tolerance": o.tolerance(x, labels),
        "tolerance_all_ordered_pairs_incl_self_over_n2": o.tolerance(x, labels, all_pairs=True),
    }


@family("cacr")
def cacr(case: Case) -> Outputs:
    views = [case.leaf(f"z{number}") for number in range(1, case.hyper("V") + 1)]
    weighs_positives = case.hyper("choice") not in ("none", "without_w1")
    weighs_negatives = case.hyper("choice") not in ("none", "without_w2")
    attraction = {
        "alpha": case.hyper("alpha"),
        "tau_pos": case.hyper("tau_pos") if weighs_positives else 0,
    }
    repulsion = {
        "beta": case.hyper("beta"),
        "tau_neg": case.hyper("tau_neg") if weighs_negatives else 0,
        "tau_plus": case.hyper("tau_plus") if case.hyper("debiased") and weighs_negatives else 0,
    }
    loss = o.CACR(**attraction, **repulsion)(*views)
    detached = o.CACR(**attraction, **repulsion, weight_gradient=False)(*views)
    return {
        "loss_attraction": o.contrastive_attraction(*views, **attraction).mean(),
        "loss_repulsion": o.contrastive_repulsion(*views, **repulsion),
        "loss": loss,
        "last_pair_negative_weights": o.repulsion_weights(*views[-2:], tau_neg=case.hyper("tau_neg")),
        **{f"grad_z{number}": case.gradient(loss, view) for number, view in enumerate(views, 1)},
        **{f"grad_z{number}_weights_detached": case.gradient(detached, view) for number, view in enumerate(views, 1)},
    }


@family("cacr_momentum")
def cacr_momentum(case: Case) -> Outputs:
    queries = [case.leaf(f"q{number}") for number in range(1, case.hyper("n_queries") + 1)]
    keys, temperature, cost = case.tensor("k"), case.hyper("T"), case.hyper("cost")
    reduction = "sum" if cost == "euclidean" else "mean"
    loss = o.CACRMomentum(temperature, cost=cost, reduction=reduction)(*queries, keys)
    return {
        "positive_weights": o.attraction_weights(*queries, keys=keys, temperature=temperature).T,
        "loss": loss,
        **{f"grad_q{number}": case.gradient(loss, query) for number, query in enumerate(queries, 1)},
    }


# --- pixels ----------------------------------------------------------------------------------------------------------


@family("pixpro")
def pixpro(case: Case) -> Outputs:
    first, second = case.leaf("feat_1"), case.leaf("feat_2")
    propagation = o.PixelPropagation(
        first.shape[1], layers=case.hyper("value_layers"), gamma=case.hyper("p"), clamp=case.hyper("clamp")
    ).to(torch.promote_types(first.dtype, torch.float32))
    if "value_weight" in case:
        convolution = propagation.transform[0]
        weight, bias = case.tensor("value_weight"), case.tensor("value_bias")
        convolution.load_state_dict({"weight": weight[:, :, None, None], "bias": bias})
    propagated = propagation(first), propagation(second)
    targets = case.tensor("key_1"), case.tensor("key_2")
    boxes = case.tensor("coord_1"), case.tensor("coord_2")
    objective = o.PixPro(case.hyper("pos_ratio"), variant="official")
    loss = objective(*propagated, *targets, boxes=torch.stack(boxes, dim=1))
    size = first.shape[2:]
    return {
        "distance_12": o.pixel_distances(*boxes, size),
        "positive_mask_12": o.positive_pixels(*boxes, size, threshold=case.hyper("pos_ratio")),
        "propagated_1": propagated[0],
        "loss_12": objective.one_way(propagated[0], targets[1], *boxes),
        "loss_21": objective.one_way(propagated[1], targets[0], *reversed(boxes)),
        "loss": loss,
        "grad_feat_1": case.gradient(loss, first),
        "grad_feat_2": case.gradient(loss, second),
    }


@family("pixcontrast")
def pixcontrast(case: Case) -> Outputs:
    maps, boxes = case.leaf("feat_1"), (case.tensor("coord_1"), case.tensor("coord_2"))
    threshold = case.hyper("pos_ratio")
    objective = o.PixContrast(case.hyper("temperature"), threshold=threshold)
    loss = objective.one_way(maps, case.tensor("key_2"), *boxes)
    positive = o.positive_pixels(*boxes, maps.shape[2:], threshold=threshold)
    return {
        "positive_mask_12": positive,
        "pixel_has_positive": positive.any(2),
        "loss_12": loss,
        "grad_feat_1": case.gradient(loss, maps),
    }


# --- pairs of classes ------------------------------------------------------------------------------------------------


@family("hydra")
def hydra(case: Case) -> Outputs:
    z, gates = case.leaf("z"), case.leaf("gate")
    views = (z, case.leaf("k")) if "k" in case else (z,)
    labels, target_labels = case.tensor("y"), case.tensor("y_target")
    temperature = case.hyper("temperature")
    positive, negative = o.class_pairs(labels, target_labels, labels)
    outputs = {
        "positive_mask": positive,
        "negative_mask": negative,
        "gate_entropy": o.gate_entropy(gates),
        "gate_activation": o.gate_activation(gates),
    }
    for form, renormalize in (("renormalised", True), ("unnormalised", False)):
        similarity = o.gated_similarity(z, views[-1], gates, renormalize=renormalize)
        outputs[f"logits_{form}"] = similarity / temperature
        for reduction, suffix in (("pooled", ""), ("per-anchor", "_per_anchor")):
            objective = o.Hydra(temperature, renormalize=renormalize, reduction=reduction)
            with warnings.catch_warnings(action="ignore"):  # of a batch without negatives, whose numbers count, too
                loss = objective(*views, labels=labels, target_labels=target_labels, gates=gates)
            outputs[f"loss_{form}{suffix}"] = loss
            for name, leaf in (("z", z), ("gate", gates), ("k", views[-1])):
                outputs[f"grad_{name}_{form}{suffix}"] = case.gradient(loss, leaf)
    return outputs


@family("hydra_gate")
def hydra_gate(case: Case) -> Outputs:
    sizes = {"class_dim": case.hyper("embed"), "hidden_dim": case.hyper("hidden")}
    network = o.GateNetwork(case.hyper("num_classes"), case.hyper("out"), **sizes).to(case.precision)
    _, norm1, linear1, _, norm2, linear2, _ = network.network
    network.classes.load_state_dict({"weight": case.tensor("label_embedding")})
    for norm, name in ((norm1, "bn1"), (norm2, "bn2")):
        norm.eps = case.hyper("eps")
        norm.load_state_dict(
            {"weight": case.tensor(f"{name}_scale"), "bias": case.tensor(f"{name}_shift")}, strict=False
        )
    for linear, name in ((linear1, "linear1"), (linear2, "linear2")):
        linear.load_state_dict({"weight": case.tensor(f"{name}_weight"), "bias": case.tensor(f"{name}_bias")})
    network.train(case.hyper("batchnorm") == "train")
    first, second = case.tensor("pairs").unbind(1)
    gate = network(first, second)
    probe = (gate * case.tensor("probe_weights")).sum()
    return {
        "gate": gate,
        "gate_swapped": network(second, first),
        "grad_label_embedding_of_probe": case.gradient(probe, network.classes.weight),
    }


# --- large batches ---------------------------------------------------------------------------------------------------


@family("gradcache")
def gradcache(case: Case) -> Outputs:
    queries = case.network("q")
    passages = queries if case.hyper("shared_encoder") else case.network("p")
    x, y = case.tensor("X"), case.tensor("Y")
    ranking = o.MultipleNegativesRanking(1.0, similarity="dot")

    def loss(of_x: Tensor, of_y: Tensor) -> Tensor:
        return ranking(of_x, *of_y.unflatten(0, (len(of_x), -1)).unbind(1))  # each positive before its negatives

    value = backward_in_chunks((queries, passages), (x, y), loss, chunk_size=case.hyper("chunk"))
    outputs = {"loss": value}
    for prefix, network in (("q", queries), ("p", passages)):
        if f"{prefix}0" in case:
            outputs |= {f"grad_{prefix}{n}": p.grad for n, p in enumerate(network.parameters())}
    return outputs


# --- measures --------------------------------------------------------------------------------------------------------


@family("metrics")
def metrics(case: Case) -> Outputs:
    if "run" in case.facts:
        return ranking(case)
    if "scores" in case:
        cut = best_cut(case.arrays["scores"].clip(-1, 1), case.arrays["labels"])  # the vectors take them for cosines
        chosen = {"threshold": cut.threshold} if cut.f1 else {}  # where no pair is true, none is
        return {"f1": cut.f1, "precision": cut.precision, "recall": cut.recall, **chosen}
    x, y = case.leaf("x"), case.leaf("y")
    align, uniform = o.alignment(x, y), o.uniformity(x)
    return {
        "align": align,
        "uniform": uniform,
        "grad_x_of_sum": case.gradient(align + uniform, x),
        "grad_y_of_sum": case.gradient(align + uniform, y),
    }


def ranking(case: Case) -> Outputs:
    ranked = e.ranked_run(case.facts["run"], case.facts["qrels"])
    measures = {
        "ndcg_cut": e.ndcg_at,
        "recall": e.recall_at,
        "P": e.precision_at,
        "map": e.average_precision_at,
        "map_cut": e.average_precision_at,
        "recip_rank": e.reciprocal_rank_at,
    }
    outputs = {}
    for name in case.facts["mean"]:
        measure, _, cut = name.rpartition("_") if name[-1].isdigit() else (name, "", "")
        values = measures[measure](ranked, *(int(c) for c in [cut] if c))
        outputs |= {f"per_query.{query}.{name}": value for query, value in zip(ranked.queries, values, strict=True)}
        outputs[f"mean.{name}"] = values.mean()
    return outputs


# --- search under a pair scorer --------------------------------------------------------------------------------------


@family("anncur")
def anncur(case: Case) -> Outputs:
    # In float64 whatever the test asks for: what is nearly dependent is not, in single precision.
    scores, anchors, exact = case.arrays["anchor_query_scores"], case.arrays["anchor_items"], case.arrays["test_exact"]
    rcond = case.hyper("rcond", 1e-15)  # the authors' code leaves it at numpy's own
    k, num_retrieved = case.hyper("k"), case.hyper("k_retrieve")
    inverse = cur.anchor_inverse(scores, anchors, rcond=rcond)
    embeddings = cur.item_embeddings(scores, anchors, rcond=rcond)
    approximate = case.arrays["test_anchor_scores"] @ embeddings
    of_anchors = case.arrays["train_scores"][:, anchors]
    return {
        "U": inverse,
        "item_embeddings": embeddings,
        "approx": approximate,
        "approx_all_rows": of_anchors @ embeddings,
        "approx_all_cols": (of_anchors @ inverse) @ scores,
        "recall": cur.recall_of_best(exact, cur.rerank(approximate, exact, k=k, num_retrieved=num_retrieved), k=k),
        "rel_error": cur.relative_error(exact, approximate),
    }


@family("adacur")
def adacur(case: Case) -> Outputs:
    scores, exact = case.arrays["anchor_query_scores"], case.arrays["test_exact"]
    settings = {"rcond": case.hyper("rcond", 1e-15)}
    rounds = adaptive.adaptive_rounds(
        scores,
        lambda queries, items: exact[queries, items],
        np.tile(case.arrays["first_anchors"], (len(exact), 1)),
        steps=[case.hyper("anchors_per_round")] * (case.hyper("rounds") - 1),
        strategy=case.hyper("strategy", "topk"),
        **settings,
    )
    k = case.hyper("k")
    return {
        "anchors": rounds.anchors,
        "approx": adaptive.approximate_scores(scores, rounds.anchors, rounds.scores, **settings)[0],
        "recall_anchors_only": cur.recall_of_best(exact, rounds.best(k)[0], k=k),
    }


# --- sentences -------------------------------------------------------------------------------------------------------

_POOLINGS = {"avg": "mean", "cls_before_pooler": "cls"}  # what the authors' code calls them


def tanh_head(case: Case) -> TanhHead:
    head = TanhHead(len(case.tensor("mlp_bias"))).to(case.precision)
    head.linear.load_state_dict({"weight": case.tensor("mlp_weight"), "bias": case.tensor("mlp_bias")})
    return head


@family("debcse")
def debcse(case: Case) -> Outputs:
    anchor = v.surface_words(case.text("anchor"))
    surface = v.surface_similarity(anchor, [v.surface_words(text) for text in case.arrays["candidates"].tolist()])
    weights = {name: case.hyper(name) for name in ("alpha", "beta", "eps")}
    e = v.semantic_similarity(case.arrays["semantic_cosine"])
    positive, negative = v.inverse_propensity(e, surface, **weights)
    return {"surface_similarity": surface, "positive_probability": positive, "negative_probability": negative}


@family("simcse")
def simcse(case: Case) -> Outputs:
    hidden, head, pooler = case.leaf("hidden"), tanh_head(case), case.text("pooler")
    pooled = pool_tokens([hidden], case.tensor("attention_mask"), pooling=_POOLINGS.get(pooler, pooler))
    embeddings = head(pooled) if pooler == "cls" else pooled
    views = embeddings.unflatten(0, (-1, case.hyper("num_sent"))).unbind(1)
    settings = {"temperature": case.hyper("temp"), "hard_negative_weight": case.hyper("hard_negative_weight")}
    loss = o.SimCSE(**settings)(*views)
    return {
        "logits": o.simcse_logits(*views, **settings),
        "loss": loss,
        "grad_hidden": case.gradient(loss, hidden),
        "grad_mlp_weight": case.gradient(loss, head.linear.weight),
        "grad_mlp_bias": case.gradient(loss, head.linear.bias),
    }


@family("whitenedcse")
def whitenedcse(case: Case) -> Outputs:
    if "hidden" in case:
        hidden, head = case.leaf("hidden"), tanh_head(case)
        pooled = pool_tokens([hidden], torch.ones(hidden.shape[:2]), pooling="cls")
        views = head(pooled).unflatten(0, (-1, 3)).unbind(1)
        loss = o.WhitenedCSE(case.hyper("temp"))(*views)
        return {
            "logits12": o.simcse_logits(*views[:2], temperature=case.hyper("temp")),
            "loss": loss,
            "grad_hidden": case.gradient(loss, hidden),
            "grad_mlp_weight": case.gradient(loss, head.linear.weight),
            "grad_mlp_bias": case.gradient(loss, head.linear.bias),
        }
    x, permutations = case.leaf("x"), case.tensor("perms")
    num_groups = case.hyper("num_groups")
    whitening = o.ShuffledGroupWhitening(
        num_groups if num_groups > 0 else None,
        engine="cholesky" if case.text("engine") == "cholesky" else "zca",
        grouping="thirds",
        num_views=3 if case.hyper("training") else 1,  # the authors' code whitens all rows together in evaluation
        eps=0,
        shuffle=case.hyper("shuffle"),
    )
    y = whitening(x, permutations=permutations)
    return {"y": y, "grad_x": case.gradient((y * case.tensor("cotangent")).sum(), x)}


# --- experts, texts and labels ---------------------------------------------------------------------------------------


@family("cless")
def cless(case: Case) -> Outputs:
    texts, labels = case.leaf("text"), case.leaf("labels")
    weights = {name: case.tensor(name) for name in ("W1", "b1", "W2", "b2")}
    match = o.TextLabelMatch(texts.shape[1], hidden_dim=len(weights["b1"])).to(texts.dtype)
    match.first.load_state_dict({"weight": weights["W1"], "bias": weights["b1"]})
    match.last.load_state_dict({"weight": weights["W2"], "bias": weights["b2"]})
    loss = match(texts, labels, case.tensor("indicator"), mask=case.tensor("mask"))
    return {
        "logits": match.logits(texts, labels),
        "loss": loss,
        "grad_text": case.gradient(loss, texts),
        "grad_labels": case.gradient(loss, labels),
    }


@family("moe")
def moe(case: Case) -> Outputs:
    for array, adapter in (
        ("assignment", moe_enforced),
        ("gate", moe_router),
        ("router_logits", moe_auxiliary),
        ("hidden", moe_pooler),
    ):
        if array in case:
            return adapter(case)
    return moe_losses(case)


def moe_enforced(case: Case) -> Outputs:
    inputs, weight_out = case.leaf("x"), case.tensor("Wo")
    experts = Experts(*weight_out.shape, activation=case.text("activation")).to(inputs.dtype)
    experts.load_state_dict(
        {
            "weight_in": case.tensor("Wi"),
            "bias_in": case.tensor("bi"),
            "weight_out": weight_out,
            "bias_out": case.tensor("bo"),
        }
    )
    outputs = experts(inputs, group_rows(case.tensor("assignment"), len(experts)))
    probe = (outputs * case.tensor("cotangent")).sum()
    return {
        "y": outputs,
        "grad_x": case.gradient(probe, inputs),
        "grad_Wi": case.gradient(probe, experts.weight_in),
        "grad_Wo": case.gradient(probe, experts.weight_out),
    }


def moe_router(case: Case) -> Outputs:
    hidden, gate, weight_out = case.leaf("x"), case.leaf("gate"), case.tensor("down_w")
    experts = Experts(*weight_out.shape, gated=False).to(hidden.dtype)
    names = {"weight_in": "up_w", "bias_in": "up_b", "weight_out": "down_w", "bias_out": "down_b"}
    experts.load_state_dict({ours: case.tensor(theirs) for ours, theirs in names.items()})
    if "topk" not in case:
        routed = sentence_switch(experts, hidden, gate)
    else:
        by_top_k = token_top_k if "token" in case.name else sentence_top_k
        routed = by_top_k(experts, hidden, gate, k=case.hyper("topk"))
    probe = (routed.hidden * case.tensor("cotangent")).sum()
    return {
        "y": routed.hidden,
        "router_logits": routed.logits,
        "grad_x": case.gradient(probe, hidden),
        "grad_gate": case.gradient(probe, gate),
    }


def moe_auxiliary(case: Case) -> Outputs:
    logits, labels, weight = case.leaf("router_logits"), case.tensor("labels"), case.hyper("w")
    specified = o.specified_expert(logits, labels, weight=weight)
    balance = o.load_balance(logits, weight=weight)
    return {
        "specified": specified,
        "specified_grad": case.gradient(specified, logits),
        "load_balance": balance,
        "load_balance_grad": case.gradient(balance, logits),
        "mutual_info": o.published_mutual_information(logits, labels, k=case.hyper("topk"), weight=weight),
    }


def moe_pooler(case: Case) -> Outputs:
    hidden = case.leaf("hidden")
    pooler = MeanPooler(hidden.shape[-1]).to(hidden.dtype)
    for layer, (weight, bias) in (
        (pooler.norm, ("ln_weight", "ln_bias")),
        (pooler.first, ("w1", "b1")),
        (pooler.last, ("w2", "b2")),
    ):
        layer.load_state_dict({"weight": case.tensor(weight), "bias": case.tensor(bias)})
    outputs = pooler(hidden, case.tensor("attention_mask"))
    return {"y": outputs, "grad_hidden": case.gradient((outputs * case.tensor("cotangent")).sum(), hidden)}


def moe_losses(case: Case) -> Outputs:
    a, b = case.leaf("a"), case.leaf("b")
    similarity = "cosine" if case.hyper("normalize") else "dot"
    mnr_loss = o.MultipleNegativesRanking(1.0, similarity=similarity)(a, b)
    plus = o.MNRPlus(1.0, similarity=similarity)(a, b)
    return {
        "mnr": mnr_loss,
        "mnr_grad_a": case.gradient(mnr_loss, a),
        "mnr_grad_b": case.gradient(mnr_loss, b),
        "mnr_plus": plus,
        "mnr_plus_grad_a": case.gradient(plus, a),
        "mnr_plus_grad_b": case.gradient(plus, b),
    }


# --- texts without labels --------------------------------------------------------------------------------------------


@family("contriever")
def contriever(case: Case) -> Outputs:
    if "cases" in case.facts:
        return {
            f"cases.{n}.prob": sampling_probabilities(one["sizes"], coefficient=one["coefficient"])
            for n, one in enumerate(case.facts["cases"])
        }
    if "pairs" in case.facts:
        return {"pairs": [[text, plain_typography(text)] for text, _ in case.facts["pairs"]]}
    if "chunk_length" in case:
        ratio = case.hyper("ratio_min"), case.hyper("ratio_max")
        return crop_statistics(case.hyper("chunk_length"), ratio, case.hyper("n_draws"))
    if "hidden" in case:
        return token_pooling(case)
    return contriever_steps(case) if "queue0" in case else contriever_in_batch(case)


def token_pooling(case: Case) -> Outputs:
    hidden = case.leaf("hidden")
    by = {"average": "mean", "cls": "cls"}[case.text("pooling")]
    embedding = pool_tokens([hidden], case.tensor("attention_mask"), pooling=by)
    embedding = o.unit(embedding) if case.hyper("normalize") else embedding
    probe = (embedding * case.tensor("cotangent")).sum()
    return {"embedding": embedding, "grad_hidden": case.gradient(probe, hidden)}


def contriever_in_batch(case: Case) -> Outputs:
    encoder = case.token_mean("E", "W")
    queries = encoder(case.tensor("q_tokens"), case.tensor("q_mask"))
    keys = encoder(case.tensor("k_tokens"), case.tensor("k_mask"))
    loss = o.MultipleNegativesRanking(
        case.hyper("temperature"),
        similarity="cosine" if case.hyper("normalize") else "dot",
        label_smoothing=case.hyper("label_smoothing"),
    )(queries, *keys.split(len(queries)))
    return {"loss": loss, "grad_E": case.gradient(loss, encoder.E), "grad_W": case.gradient(loss, encoder.W)}


def contriever_steps(case: Case) -> Outputs:
    queue = case.tensor("queue0").T
    of_queries = case.token_mean("E0", "W0")
    of_keys = copy.deepcopy(of_queries)
    settings = {
        "temperature": case.hyper("temperature"),
        "similarity": "cosine" if case.hyper("normalize") else "dot",
    }
    objective = o.MoCo(
        dim=queue.shape[1], queue_size=len(queue), label_smoothing=case.hyper("label_smoothing"), **settings
    ).to(queue.dtype)
    objective.queue.rows.copy_(queue)
    optimizer = torch.optim.SGD(of_queries.parameters(), lr=case.hyper("lr"))
    names = ("q_tokens", "q_mask", "k_tokens", "k_mask")
    losses, accuracy, grad_e, grad_w = [], [], [], []
    for q_tokens, q_mask, k_tokens, k_mask in zip(*(case.tensor(name) for name in names), strict=True):
        queries = of_queries(q_tokens, q_mask)
        o.update_key_encoder(of_keys, of_queries, momentum=case.hyper("momentum"))
        keys = of_keys(k_tokens, k_mask)
        logits = o.queue_logits(queries, keys, objective.queue.rows, **settings)
        loss = objective(queries, keys)
        optimizer.zero_grad()
        loss.backward()
        losses.append(loss.detach())
        accuracy.append(100 * (logits.argmax(1) == 0).double().mean())
        grad_e.append(of_queries.E.grad.clone())
        grad_w.append(of_queries.W.grad.clone())
        optimizer.step()
    return {
        "losses": torch.stack(losses),
        "accuracy": torch.stack(accuracy),
        "grad_E": torch.stack(grad_e),
        "grad_W": torch.stack(grad_w),
        "final_E_q": of_queries.E,
        "final_W_q": of_queries.W,
        "final_E_k": of_keys.E,
        "final_W_k": of_keys.W,
        "final_queue": objective.queue.rows.T,
        "final_ptr": objective.queue.pointer,
    }
