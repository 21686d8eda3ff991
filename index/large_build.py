"""Builds what searches many vectors: lists of a sample, bytes of each vector, how many lists to probe."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import faiss
import numpy as np

from index.embedding import Vectors
from index.large_vectors import LargeVectors, Lists, Quantizer
from index.segment_vectors import Rows, Selected
from index.vector_records import VectorRecords

# Twice the root of the number of vectors: with four times, a search is as fast and the build twice as long.
_LISTS_PER_ROOT = 2.0
_SAMPLED_PER_LIST = 40
_ROUNDS = 8
# Queries to choose the number of lists by, and the share of their nearest that has to be found.
QUERIES = 200
NEAREST = 10
RECALL_WANTED = 0.99
_LEAST_PROBES = 8
# How far from a stored vector of length 1 they are: from another wording to another matter.
_NEAR, _FAR = 0.3, 1.2
_BLOCK = 16_384
_SEED = 2011


def built(folder: Path, blocks: Iterable[Vectors], dimension: int) -> LargeVectors:
    """Return what searches some vectors of length 1, one or more, given in blocks of (n, dimension).

    Exact ones go to a file of the folder that has no name. Deterministic. Takes minutes and one
    processor for a million. Raise `OSError` where the disk is full or refuses, `StorageUnavailable`
    and `DamagedStore` where it does not give back what was written.
    """
    exact = VectorRecords.written(folder, blocks, dimension)
    with _one_thread():
        random = np.random.default_rng(_SEED)
        lists = min(round(_LISTS_PER_ROOT * len(exact) ** 0.5), len(exact))
        quantizer = _trained(exact.at(_chosen(random, len(exact), _SAMPLED_PER_LIST * lists)), lists)
        queries = _queries(exact, random)
        filled, nearest = _filled(exact, quantizer, queries)
        return _probed(exact, quantizer, filled, queries, nearest)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Leave the other processors to searches; FAISS counts threads for each thread that calls it."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


def _chosen(random: np.random.Generator, count: int, wanted: int) -> Rows:
    return np.sort(random.choice(count, min(count, wanted), replace=False))


def _trained(sample: Vectors, lists: int) -> Quantizer:
    dimension = sample.shape[1]
    clustering = faiss.Clustering(dimension, lists)
    clustering.niter, clustering.seed, clustering.spherical = _ROUNDS, _SEED, True
    clustering.min_points_per_centroid, clustering.max_points_per_centroid = 1, len(sample)
    clustering.train(sample, faiss.IndexFlatIP(dimension))
    centroids = faiss.vector_to_array(clustering.centroids).reshape(lists, dimension)
    low, high = sample.min(axis=0), sample.max(axis=0)
    return Quantizer(centroids, np.stack([low, high - low]))


def _queries(exact: VectorRecords, random: np.random.Generator) -> Vectors:
    """Return vectors at some distances from stored ones, as questions are from passages."""
    near = exact.at(_chosen(random, len(exact), QUERIES))
    noise = random.standard_normal(near.shape, dtype=np.float32) / near.shape[1] ** 0.5
    moved = near + noise * random.uniform(_NEAR, _FAR, size=(len(near), 1)).astype(np.float32)
    units: Vectors = moved / np.linalg.norm(moved, axis=1, keepdims=True)
    return units


def _filled(exact: VectorRecords, quantizer: Quantizer, queries: Vectors) -> tuple[Lists, list[Rows]]:
    """Return the lists of all vectors, and for each query where those nearest to it stand."""
    count, dimension = len(exact), exact.dimension
    maker = quantizer.empty()
    codes = np.empty((count, dimension), dtype=np.uint8)
    numbers = np.empty(count, dtype=np.int64)
    scores = np.full((len(queries), NEAREST), -np.inf, dtype=np.float32)
    nearest = np.full((len(queries), NEAREST), -1, dtype=np.int64)
    for first in range(0, count, _BLOCK):
        block = np.arange(first, min(first + _BLOCK, count))
        vectors = exact.at(block)
        numbers[block] = maker.quantizer.search(vectors, 1)[1][:, 0]
        codes[block] = maker.sq.compute_codes(vectors)
        scores, nearest = _nearer(scores, nearest, queries @ vectors.T, block)
    order = np.argsort(numbers, kind="stable").astype(np.int32)
    sizes = np.bincount(numbers, minlength=len(quantizer.centroids))
    return Lists(sizes, order, codes[order]), [some[some >= 0] for some in nearest]


def _nearer(scores: Vectors, nearest: Rows, found: Vectors, block: Rows) -> tuple[Vectors, Rows]:
    places = np.argpartition(-found, min(NEAREST, len(block)) - 1, axis=1)[:, :NEAREST]
    scores = np.concatenate([scores, np.take_along_axis(found, places, axis=1)], axis=1)
    nearest = np.concatenate([nearest, block[places]], axis=1)
    best = np.argsort(-scores, axis=1, kind="stable")[:, :NEAREST]
    return np.take_along_axis(scores, best, axis=1), np.take_along_axis(nearest, best, axis=1)


def _probed(
    exact: VectorRecords, quantizer: Quantizer, lists: Lists, queries: Vectors, nearest: list[Rows]
) -> LargeVectors:
    """Return the vectors with the least number of lists probed that finds enough of the nearest."""
    large = LargeVectors(exact, quantizer, lists, min(_LEAST_PROBES, len(lists.sizes)), 0.0)
    while True:
        large.recall = _recall(large, queries, nearest)
        if large.recall >= RECALL_WANTED or large.probes == large.lists:
            return large
        large.probes = min(2 * large.probes, large.lists)


def _recall(large: LargeVectors, queries: Vectors, nearest: list[Rows]) -> float:
    everything = Selected(np.ones(len(large), dtype=np.bool_))
    found = 0
    for query, wanted in zip(queries, nearest, strict=True):
        scores, positions = large.best(query, everything, len(wanted))
        best = positions[np.lexsort((positions, -scores))[: len(wanted)]]
        found += len(np.intersect1d(best, wanted))
    return round(found / sum(len(wanted) for wanted in nearest), 4)
