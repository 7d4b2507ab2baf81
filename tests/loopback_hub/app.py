"""The HTTP side of the loopback Hub: what `huggingface_hub` and `datasets` ask of a dataset repository.

Names of routes and fields are those of the Hub's public API, as the unmodified clients use it.
"""

import asyncio
import base64
import functools
import hashlib
import json
import re
import time
from urllib.parse import parse_qs, unquote

import anyio
import yaml
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from tests.loopback_hub import cas
from tests.loopback_hub.state import Entry, Hub, Repo

LFS_ENDINGS = (".parquet", ".nii", ".gz", ".png", ".zip", ".tar", ".arrow")
PART_BYTES = 512 << 10
DATASET = "/api/datasets/{owner}/{name}"


def refuse(code: str, status: int, message: str) -> Response:
    return JSONResponse({"error": message}, status, {"X-Error-Code": code, "X-Error-Message": message})


def hub_of(request: Request) -> Hub:
    return request.app.state.hub


def token_of(request: Request) -> str:
    return request.headers.get("authorization", "").removeprefix("Bearer ")


def user_of(request: Request) -> str | None:
    return hub_of(request).users.get(token_of(request))


def writes(handler):
    """Let only a token pass that may write."""

    @functools.wraps(handler)
    async def wrapped(request: Request, *rest):
        if user_of(request) is None:
            return refuse("", 401, "Invalid username or password.")
        if token_of(request) in hub_of(request).readers:
            return refuse("", 403, "You don't have the required permissions: this token may only read")
        return await handler(request, *rest)

    return wrapped


def of_repo(handler):
    """Find the repository and the revision; hide a private one, close a gated one."""

    @functools.wraps(handler)
    async def wrapped(request: Request):
        hub, user = hub_of(request), user_of(request)
        repo = hub.repos.get(f"{request.path_params['owner']}/{request.path_params['name']}")
        if repo is None or (repo.is_private and user is None):
            return refuse("RepoNotFound", 404 if user else 401, "Repository not found")
        is_member = user is not None and token_of(request) not in hub.readers
        is_closed = repo.gated and not is_member and user not in repo.accepted
        if is_closed and handler.__name__ == "resolve":
            return refuse("GatedRepo", 403 if user else 401, "Access to this dataset is restricted")
        revision = unquote(request.path_params.get("revision", "main"))
        return await handler(request, repo, revision)

    return wrapped


def known(handler):
    """Answer 404 where the revision is unknown."""

    @functools.wraps(handler)
    async def wrapped(request: Request, repo: Repo, revision: str):
        if repo.find(revision) is None:
            return refuse("RevisionNotFound", 404, f"Invalid rev id: {revision}")
        return await handler(request, repo, revision)

    return wrapped


@writes
async def create(request: Request) -> Response:
    hub, body = hub_of(request), await request.json()
    name = f"{body.get('organization') or user_of(request)}/{body['name']}"
    answer = {"url": f"{request.base_url}datasets/{name}", "id": name, "name": name}
    if name in hub.repos:
        return JSONResponse({"error": "You already created this dataset repo", **answer}, 409)
    hub.create(name, is_private=body.get("visibility") == "private" or bool(body.get("private")))
    return JSONResponse(answer)


async def whoami(request: Request) -> Response:
    user = user_of(request)
    if user is None:
        return refuse("", 401, "Invalid username or password.")
    role = "read" if token_of(request) in hub_of(request).readers else "write"
    auth = {"type": "access_token", "accessToken": {"displayName": "t", "role": role}}
    return JSONResponse({"type": "user", "id": "u", "name": user, "fullname": user, "orgs": [], "auth": auth})


async def validate_yaml(_: Request) -> Response:
    return JSONResponse({"errors": [], "warnings": []})


@of_repo
@writes
async def settings(request: Request, repo: Repo, _: str) -> Response:
    body = await request.json()
    if "visibility" in body or "private" in body:
        repo.is_private = body.get("visibility") == "private" or bool(body.get("private"))
    repo.gated = body.get("gated", repo.gated)
    return JSONResponse({})


@of_repo
@known
async def info(request: Request, repo: Repo, revision: str) -> Response:
    commit = repo.commits[str(repo.find(revision))]
    card = None
    if entry := commit.files.get("README.md"):
        text = hub_of(request).blob(entry.sha256).read_text("utf-8")
        match = re.match(r"---\n(.*?)\n---", text, re.DOTALL)
        card = yaml.safe_load(match[1]) if match else None
    siblings = [{"rfilename": path} for path in sorted(commit.files)]
    return JSONResponse(
        {
            "_id": "x",
            "id": repo.name,
            "sha": commit.id,
            "author": repo.name.split("/")[0],
            "private": repo.is_private,
            "gated": repo.gated,
            "disabled": False,
            "lastModified": commit.date,
            "createdAt": commit.date,
            "tags": [],
            "downloads": 0,
            "likes": 0,
            "cardData": card,
            "siblings": siblings,
        }
    )


@of_repo
@writes
@known
async def preupload(request: Request, repo: Repo, revision: str) -> Response:
    files, answers = repo.files(revision), []
    for file in (await request.json())["files"]:
        is_binary = b"\0" in base64.b64decode(file.get("sample", ""))
        is_lfs = file["path"].endswith(LFS_ENDINGS) or file["size"] > 10 << 20 or is_binary
        known_as = files.get(file["path"])
        oid = {"oid": known_as.sha256 if known_as.is_lfs else known_as.oid} if known_as else {}
        answers.append(
            {"path": file["path"], "uploadMode": "lfs" if is_lfs else "regular", "shouldIgnore": False, **oid}
        )
    return JSONResponse({"files": answers, "commitOid": repo.find(revision)})


@of_repo
@writes
async def lfs_batch(request: Request, repo: Repo, _: str) -> Response:
    hub, base = hub_of(request), str(request.base_url).rstrip("/")
    asked = (await request.json())["objects"]
    new = sum(entry["size"] for entry in asked if entry["oid"] not in repo.lfs)
    if repo.is_private and hub.quota_bytes is not None and sum(repo.lfs.values()) + new > hub.quota_bytes:
        return refuse("", 403, "Private repository storage limit reached, please upgrade your plan")
    answers, is_multipart = [], False
    for entry in asked:
        oid, size = entry["oid"], entry["size"]
        if oid in repo.lfs:
            answers.append(entry)
            continue
        place = f"{base}/_lfs/{repo.name}/{oid}"
        upload = {"href": place, "header": {}}
        if size > hub.multipart_over:
            is_multipart = True
            parts = {f"{n + 1:05d}": f"{place}?part={n + 1}" for n in range(-(-size // PART_BYTES))}
            upload = {
                "href": f"{base}/_complete/{repo.name}/{oid}",
                "header": {"chunk_size": str(PART_BYTES), **parts},
            }
        check = {"href": f"{base}/_verify/{repo.name}/{oid}", "header": {}}
        answers.append({**entry, "actions": {"upload": upload, "verify": check}})
    transfer = "multipart" if is_multipart else "basic"
    return JSONResponse({"transfer": transfer, "objects": answers}, media_type="application/vnd.git-lfs+json")


def uploaded(request: Request) -> tuple[Hub, Repo, str]:
    hub, path = hub_of(request), request.path_params
    return hub, hub.repos[f"{path['owner']}/{path['name']}"], path["oid"]


def accept(hub: Hub, repo: Repo, oid: str, data: bytes) -> Response:
    if hashlib.sha256(data).hexdigest() != oid:
        return PlainTextResponse("the content has another digest", 400)
    hub.blob(oid).parent.mkdir(parents=True, exist_ok=True)
    hub.blob(oid).write_bytes(data)
    repo.lfs[oid] = len(data)
    return JSONResponse({})


async def put(request: Request) -> Response:
    hub, repo, oid = uploaded(request)
    data = await request.body()
    part = request.query_params.get("part")
    if part is None:
        return accept(hub, repo, oid, data)
    place = hub.root / "parts" / oid / f"{int(part):05d}"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)
    return Response(headers={"ETag": f'"{hashlib.sha256(data).hexdigest()[:32]}"'})


async def complete(request: Request) -> Response:
    hub, repo, oid = uploaded(request)
    parts = sorted((hub.root / "parts" / oid).iterdir())
    return accept(hub, repo, oid, b"".join(part.read_bytes() for part in parts))


async def verify(request: Request) -> Response:
    _, repo, oid = uploaded(request)
    is_there = repo.lfs.get(oid) == (await request.json())["size"]
    return JSONResponse({}) if is_there else PlainTextResponse("missing", 404)


@of_repo
@writes
@known
async def commit(request: Request, repo: Repo, revision: str) -> Response:
    hub, parent = hub_of(request), str(repo.find(revision))
    files, title, message = dict(repo.files(revision)), "", ""
    for line in (await request.body()).splitlines():
        key, value = (operation := json.loads(line))["key"], operation["value"]
        if key == "header":
            title, message = value["summary"], value.get("description", "")
            if (expected := value.get("parentCommit")) and not parent.startswith(expected):
                return refuse("", 412, "A commit has happened since. Please refresh and try again.")
        elif key == "file":
            files[value["path"]] = hub.keep(base64.b64decode(value["content"]))
        elif key == "lfsFile":
            entry = await lfs_entry(hub, repo, value["oid"], value.get("size", 0))
            if entry is None:
                return refuse("LfsNotFound", 400, "LFS object not uploaded")
            files[value["path"]] = entry
        elif key == "deletedFile":
            if files.pop(value["path"], None) is None:
                return refuse("EntryNotFound", 404, "A file with this name doesn't exist")
        elif key == "deletedFolder":
            folder = value["path"].rstrip("/") + "/"
            files = {path: entry for path, entry in files.items() if not path.startswith(folder)}
    new = repo.branches[revision] = repo.add(parent, files, title, message)
    return JSONResponse(
        {
            "success": True,
            "commitOid": new,
            "commitUrl": f"{request.base_url}datasets/{repo.name}/commit/{new}",
            "hookOutput": "",
        }
    )


async def lfs_entry(hub: Hub, repo: Repo, oid: str, size: int) -> Entry | None:
    if oid not in repo.lfs and hub.cas is not None and (xet := cas.index(hub.cas).get(oid)):
        hub.blob(oid).parent.mkdir(parents=True, exist_ok=True)
        await anyio.to_thread.run_sync(cas.take_out, hub.cas, xet, size, hub.blob(oid))
        if hashlib.sha256(hub.blob(oid).read_bytes()).hexdigest() == oid:
            repo.lfs[oid] = size
    return hub.pointer(oid, repo.lfs[oid]) if oid in repo.lfs else None


@of_repo
@writes
async def tag(request: Request, repo: Repo, revision: str) -> Response:
    if request.method == "DELETE":
        return Response(status_code=200 if repo.tags.pop(revision, None) else 404)
    name = (await request.json())["tag"]
    if repo.find(revision) is None:
        return refuse("RevisionNotFound", 404, f"Invalid rev id: {revision}")
    if name in repo.tags:
        return refuse("", 409, "Tag reference exists already")
    repo.tags[name] = str(repo.find(revision))
    return Response()


@of_repo
@writes
async def branch(request: Request, repo: Repo, revision: str) -> Response:
    if request.method == "DELETE":
        found = repo.branches.pop(revision, None)
        return Response() if found else refuse("RevisionNotFound", 404, "no such branch")
    if revision in repo.branches:
        return refuse("", 409, "Reference already exists")
    body = await request.body()
    start = repo.find(json.loads(body).get("startingPoint", "main") if body else "main")
    if start is None:
        return refuse("RevisionNotFound", 404, "no such starting point")
    repo.branches[revision] = start
    return Response()


@of_repo
async def refs(_: Request, repo: Repo, __: str) -> Response:
    def listed(found: dict[str, str], prefix: str) -> list[dict[str, str]]:
        return [{"name": name, "ref": prefix + name, "targetCommit": commit} for name, commit in found.items()]

    return JSONResponse(
        {
            "branches": listed(repo.branches, "refs/heads/"),
            "tags": listed(repo.tags, "refs/tags/"),
            "converts": [],
            "pullRequests": [],
        }
    )


def described(path: str, entry: Entry) -> dict[str, object]:
    lfs = {"lfs": {"oid": entry.sha256, "size": entry.size, "pointerSize": 134}} if entry.is_lfs else {}
    return {"type": "file", "oid": entry.oid, "size": entry.size, "path": path, **lfs}


def folder(path: str) -> dict[str, object]:
    return {"type": "directory", "oid": "0" * 40, "size": 0, "path": path}


@of_repo
@known
async def tree(request: Request, repo: Repo, revision: str) -> Response:
    inside = unquote(request.path_params.get("path", "")).strip("/")
    start = f"{inside}/" if inside else ""
    is_recursive = request.query_params.get("recursive", "").lower() in {"true", "1"}
    found, folders = [], set()
    for path, entry in sorted(repo.files(revision).items()):
        if not path.startswith(start):
            continue
        parts = path.removeprefix(start).split("/")
        folders |= {start + "/".join(parts[:n]) for n in range(1, len(parts)) if is_recursive or n == 1}
        if is_recursive or len(parts) == 1:
            found.append(described(path, entry))
    if inside and not found and not folders:
        return refuse("EntryNotFound", 404, f"{inside} does not exist on {revision}")
    return JSONResponse([*map(folder, sorted(folders)), *found])


@of_repo
@known
async def paths_info(request: Request, repo: Repo, revision: str) -> Response:
    if "json" in request.headers.get("content-type", ""):
        paths = (await request.json())["paths"]
    else:
        paths = parse_qs((await request.body()).decode()).get("paths", [])
    files = repo.files(revision)
    found = [described(path, files[path]) for path in paths if path in files]
    found += [folder(path) for path in paths if any(known.startswith(path.rstrip("/") + "/") for known in files)]
    return JSONResponse(found)


@of_repo
@known
async def commits(_: Request, repo: Repo, revision: str) -> Response:
    return JSONResponse(
        [
            {"id": c.id, "title": c.title, "message": c.message, "authors": [{"user": "tester"}], "date": c.date}
            for c in repo.history(revision)
        ]
    )


@of_repo
@writes
@known
async def squash(request: Request, repo: Repo, revision: str) -> Response:
    body = await request.json()
    repo.branches[revision] = repo.add(None, repo.files(revision), body.get("message") or "squash")
    return Response()


@of_repo
@writes
async def lfs_files(request: Request, repo: Repo, _: str) -> Response:
    """List the LFS files of the whole history, or delete some for good."""
    hub = hub_of(request)
    if request.method == "POST":
        for oid in (await request.json())["deletions"]["sha"]:
            repo.lfs.pop(oid, None)
            hub.blob(oid).unlink(missing_ok=True)
        return JSONResponse({})
    names = {entry.sha256: path for c in repo.commits.values() for path, entry in c.files.items()}
    return JSONResponse(
        [
            {
                "fileOid": oid,
                "filename": names.get(oid, oid),
                "oid": oid,
                "pushedAt": "2026-01-01T00:00:00.000Z",
                "ref": "main",
                "size": size,
            }
            for oid, size in repo.lfs.items()
        ]
    )


@of_repo
@known
async def resolve(request: Request, repo: Repo, revision: str) -> Response:
    entry = repo.files(revision).get(unquote(request.path_params["path"]))
    if entry is None:
        return refuse("EntryNotFound", 404, "Entry not found")
    etag = f'"{entry.sha256 if entry.is_lfs else entry.oid}"'
    headers = {"X-Repo-Commit": str(repo.find(revision)), "ETag": etag, "Accept-Ranges": "bytes"}
    if entry.is_lfs:
        headers |= {"X-Linked-Etag": etag, "X-Linked-Size": str(entry.size)}
    if request.method == "HEAD":
        return Response(headers={**headers, "Content-Length": str(entry.size)})
    path = hub_of(request).blob(entry.sha256)
    return FileResponse(path, headers=headers) if path.is_file() else refuse("", 404, "The file was deleted")


@of_repo
async def xet_token(request: Request, _: Repo, __: str) -> Response:
    folder_of_chunks, expiry = hub_of(request).cas, int(time.time()) + 3600
    if folder_of_chunks is None:
        return refuse("", 404, "no Xet here")
    url = f"local://{folder_of_chunks}"
    headers = {"X-Xet-Cas-Url": url, "X-Xet-Access-Token": "t", "X-Xet-Token-Expiration": str(expiry)}
    return JSONResponse({"casUrl": url, "exp": expiry, "accessToken": "t"}, headers=headers)


ROUTES = [
    Route("/api/repos/create", create, methods=["POST"]),
    Route("/api/whoami-v2", whoami),
    Route("/api/validate-yaml", validate_yaml, methods=["POST"]),
    Route(DATASET + "/settings", settings, methods=["PUT"]),
    Route(DATASET + "/preupload/{revision}", preupload, methods=["POST"]),
    Route(DATASET + "/commit/{revision}", commit, methods=["POST"]),
    Route(DATASET + "/tag/{revision}", tag, methods=["POST", "DELETE"]),
    Route(DATASET + "/branch/{revision}", branch, methods=["POST", "DELETE"]),
    Route(DATASET + "/refs", refs),
    Route(DATASET + "/tree/{revision}", tree),
    Route(DATASET + "/tree/{revision}/{path:path}", tree),
    Route(DATASET + "/paths-info/{revision}", paths_info, methods=["POST"]),
    Route(DATASET + "/commits/{revision}", commits),
    Route(DATASET + "/super-squash/{revision}", squash, methods=["POST"]),
    Route(DATASET + "/lfs-files", lfs_files),
    Route(DATASET + "/lfs-files/batch", lfs_files, methods=["POST"]),
    Route(DATASET + "/xet-write-token/{revision}", xet_token),
    Route(DATASET + "/xet-read-token/{revision}", xet_token),
    Route(DATASET + "/revision/{revision}", info),
    Route(DATASET, info),
    Route("/datasets/{owner}/{name}.git/info/lfs/objects/batch", lfs_batch, methods=["POST"]),
    Route("/_lfs/{owner}/{name}/{oid}", put, methods=["PUT"]),
    Route("/_complete/{owner}/{name}/{oid}", complete, methods=["POST"]),
    Route("/_verify/{owner}/{name}/{oid}", verify, methods=["POST"]),
    Route("/datasets/{owner}/{name}/resolve/{revision}/{path:path}", resolve, methods=["GET", "HEAD"]),
]


class App:
    """Routes on the raw path, so that ``release%2Fv1.0.0`` stays one segment; keeps a log; meets the planned faults."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._app = Starlette(routes=ROUTES)
        self._app.state.hub = hub

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["raw_path"].split(b"?")[0].decode()
        self._hub.log.append(f"{scope['method']} {path}")
        self._hub.on_request(self._hub.log[-1])
        scope = dict(scope, path=path)
        fault = self._hub.fault_of(scope["method"], path)
        if fault is None:
            await self._app(scope, receive, send)
            return
        await asyncio.sleep(fault.pause_s)
        if fault.after:
            await self._app(scope, receive, nothing)
        answer = PlainTextResponse("a planned fault", fault.status, dict(fault.headers))
        await answer(scope, receive, send)


async def nothing(_: object) -> None:
    """Swallow an answer."""
