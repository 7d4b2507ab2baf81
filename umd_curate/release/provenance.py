"""Decides how the receipts of a release read as W3C PROV (PROV-JSON) and as an RO-Crate 1.1: tasks, and the files that they made."""

from collections.abc import Sequence

from umd_curate.model.receipts import Json
from umd_curate.model.release import FileRow, ProvenanceRow, ReleaseManifest

_CRATE = "https://w3id.org/ro/crate/1.1"


def prov(rows: Sequence[ProvenanceRow]) -> dict[str, Json]:
    """PROV-JSON: an activity per task, an entity per file digest, an agent per software and version."""
    activities: dict[str, Json] = {}
    entities: dict[str, Json] = {}
    agents: dict[str, Json] = {}
    used: dict[str, Json] = {}
    made: dict[str, Json] = {}
    associated: dict[str, Json] = {}
    for row in rows:
        activity = f"umd:task/{row.step}/{row.unit}"
        activities[activity] = {
            "umd:step": row.step,
            "umd:stepVersion": row.step_version,
            "umd:parameters": row.parameters,
            "umd:key": row.key,
        }
        for relations, artifacts in ((used, row.inputs), (made, row.outputs)):
            for artifact in artifacts:
                role, _, digest = artifact.partition(":")
                entities[f"umd:sha256/{digest}"] = {"umd:role": role}
                relations[f"_:r{len(used) + len(made)}"] = {
                    "prov:activity": activity,
                    "prov:entity": f"umd:sha256/{digest}",
                }
        for version in row.versions:
            agent = f"umd:software/{version}"
            agents[agent] = {"prov:type": "prov:SoftwareAgent"}
            associated[f"_:a{len(associated)}"] = {"prov:activity": activity, "prov:agent": agent}
    return {
        "prefix": {"umd": "urn:umd-curate:", "prov": "http://www.w3.org/ns/prov#"},
        "entity": entities,
        "activity": activities,
        "agent": agents,
        "used": used,
        "wasGeneratedBy": made,
        "wasAssociatedWith": associated,
    }


def ro_crate(manifest: ReleaseManifest, files: Sequence[FileRow], rows: Sequence[ProvenanceRow]) -> dict[str, Json]:
    """``ro-crate-metadata.json``: the release as a dataset of files, and each task as the action that made its results."""
    parts: list[Json] = [{"@id": row.path} for row in files]
    described: list[Json] = [
        {"@id": row.path, "@type": "File", "name": row.path, "contentSize": str(row.size), "sha256": row.sha256}
        for row in files
    ]
    software = sorted({version for row in rows for version in row.versions})
    tools: list[Json] = [
        {
            "@id": f"#software-{name}",
            "@type": "SoftwareApplication",
            "name": name.partition("=")[0],
            "version": name.partition("=")[2],
        }
        for name in software
    ]
    actions: list[Json] = [
        {
            "@id": f"#task-{row.step}-{row.unit}",
            "@type": "CreateAction",
            "name": f"{row.step} {row.unit}",
            "description": row.parameters,
            "instrument": [{"@id": f"#software-{name}"} for name in row.versions],
            "object": [{"@id": f"#sha256-{artifact.partition(':')[2]}"} for artifact in row.inputs],
            "result": [{"@id": f"#sha256-{artifact.partition(':')[2]}"} for artifact in row.outputs],
        }
        for row in rows
    ]
    digests = {
        artifact.partition(":")[2]: artifact.partition(":")[0]
        for row in rows
        for artifact in (*row.inputs, *row.outputs)
    }
    artifacts: list[Json] = [
        {"@id": f"#sha256-{digest}", "@type": "CreativeWork", "name": role, "sha256": digest}
        for digest, role in sorted(digests.items())
    ]
    about: list[Json] = [
        {
            "@id": "ro-crate-metadata.json",
            "@type": "CreativeWork",
            "conformsTo": {"@id": _CRATE},
            "about": {"@id": "./"},
        },
        {
            "@id": "./",
            "@type": "Dataset",
            "name": f"{manifest.dataset} {manifest.version}",
            "description": f"{manifest.subjects} subjects, {manifest.sessions} sessions.",
            "version": manifest.version,
            "license": manifest.licence,
            "hasPart": parts,
        },
    ]
    return {"@context": f"{_CRATE}/context", "@graph": [*about, *described, *tools, *actions, *artifacts]}
