"""Shapes that real files have and that the other tests lack: nodes in groups, and a field that looks like a second maker."""

import json
from typing import Any

import pytest

from bot import evidence
from bot.evidence import kinds
from tests.evidence import pictures as make
from tests.evidence.test_generators import NOVELAI, WORKFLOW, check, only


def grouped(name: str, used: str) -> dict[str, Any]:
    """A workflow without subgraphs, whose sampler is inside of a group node as ComfyUI kept them before."""
    return {
        "nodes": [{"id": 1, "type": used}, {"id": 2, "type": "SaveImage"}],
        "links": [],
        "extra": {"groupNodes": {name: {"nodes": WORKFLOW["nodes"], "links": []}}},
    }


@pytest.mark.parametrize("used", ["workflow/SAMPLING", "workflow>SAMPLING"])
def test_nodes_inside_of_group_nodes_count(used: str) -> None:
    check(make.png(workflow=json.dumps(grouped("SAMPLING", used))), "ComfyUI", "sd_xl_base")


def test_a_group_node_that_nobody_uses_counts_for_nothing() -> None:
    finding = only(make.png(workflow=json.dumps(grouped("SAMPLING", "LoadImage"))))
    assert finding.kind == kinds.WORKFLOW
    assert not evidence.says_ai(finding)


@pytest.mark.parametrize("groups", [[], 7, "x", {"A": 7}, {"A": {"nodes": 7}}, {"A": {"nodes": [{"type": []}]}}])
def test_broken_group_nodes(groups: object) -> None:
    graph = {"nodes": [{"type": "workflow/A"}, {"type": []}], "links": [], "extra": {"groupNodes": groups}}
    assert not any(map(evidence.says_ai, evidence.read(make.png(workflow=json.dumps(graph)))))


def test_novelai_names_one_maker() -> None:
    found = evidence.read(make.png(**{**NOVELAI, "Source": "Stable Diffusion 1D44365E"}))
    assert [finding.says for finding in found if finding.kind == kinds.GENERATOR_TAG] == [
        "The metadata name NovelAI as the maker."
    ]
