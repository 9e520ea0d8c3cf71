"""Prints the state of a live stack; run by `state`."""
import http.client
import json
import os
import socket
import subprocess
import sys

directory, disk, project, sshd = sys.argv[1:5]


class Gone(Exception):
    """It was listed, and has ended since."""


class Engine(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(20)
        self.sock.connect(f"{directory}/docker.sock")

    @classmethod
    def get(cls, path):
        connection = cls("engine")
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status == 404:
            raise Gone(path)
        if answer.status != 200:
            raise OSError(f"{path}: {answer.status} {body[:200]}")
        return json.loads(body)


def container(summary):
    seen = Engine.get(f"/containers/{summary['Id']}/json")
    try:
        log_bytes = os.stat(seen["LogPath"]).st_size
    except OSError:
        log_bytes = None
    return {
        "id": seen["Id"],
        "name": seen["Name"].lstrip("/"),
        "image": seen["Config"]["Image"],
        "state": seen["State"]["Status"],
        "exit_code": seen["State"]["ExitCode"],
        "started_at": seen["State"]["StartedAt"],
        "restarts": seen["RestartCount"],
        "log_bytes": log_bytes,
        "labels": seen["Config"]["Labels"] or {},
    }


JOBS = """
select json_build_object(
    'total', count(*),
    'ids_md5', md5(string_agg(id::text, ',' order by id)),
    -- every column of the jobs of the first day, so that a change of history shows
    'history_md5', md5(string_agg(j::text, ',' order by id)
        filter (where id in (select md5('job-' || n)::uuid from generate_series(1, 60) n))),
    'all_md5', md5(string_agg(j::text, ',' order by id)),
    'queued_not_started', count(*) filter (where status = 'queued' and started_at is null),
    'image_failures', count(*) filter (where feedback::text like '%No such image%'),
    'by_status', (select coalesce(json_object_agg(status, n), '{}') from (select status, count(*) n from core_job group by 1) s),
    'busiest_project', (select coalesce(max(n), 0) from (select count(*) n from core_job where status in ('queued', 'started') group by project_id) s),
    'rows', (select coalesce(json_object_agg(id, status), '{}') from core_job))
from core_job j
"""


def jobs(database):
    run = subprocess.run(
        ["/usr/bin/docker", "exec", "-i", database, "psql", "-qAtX",
         "-U", "qfieldcloud_db_admin", "-d", "qfieldcloud_db", "-c", JOBS],
        capture_output=True, text=True, timeout=20)
    return json.loads(run.stdout) if run.returncode == 0 else None


def engine_state():
    services, job_containers, database = [], [], None
    for summary in Engine.get("/containers/json?all=1"):
        try:
            seen = container(summary)
        except Gone:
            continue
        labels = seen.pop("labels")
        # A job container inherits its image's Compose labels, but never this one.
        if "com.docker.compose.config-hash" in labels:
            seen["service"] = labels["com.docker.compose.service"]
            services.append(seen)
            if seen["service"] == "db" and seen["state"] == "running":
                database = seen["id"]
        else:
            seen["labels"] = labels
            job_containers.append(seen)
    return {
        "containers": sorted(services, key=lambda one: one["name"]),
        "job_containers": job_containers,
        "workers_running": sum(one["service"] == "worker_wrapper" and one["state"] == "running" for one in services),
        "images": sorted(
            ({"id": one["Id"], "tags": sorted(one["RepoTags"] or [])} for one in Engine.get("/images/json")),
            key=lambda one: (one["tags"], one["id"])),
        "volumes": sorted(one["Name"] for one in Engine.get("/volumes")["Volumes"] or []),
        "jobs": jobs(database) if database else None,
    }


space = os.statvfs(disk)
used, free = (space.f_blocks - space.f_bfree) * space.f_frsize, space.f_bavail * space.f_frsize
state = {
    "engine": True,
    "sshd": sshd == "true",
    "disk": {"mount": disk, "used_bytes": used, "free_bytes": free,
             # as df counts it: rounded up
             "used_percent": -(-100 * used // (used + free)), "free_percent": 100 * free // (used + free)},
    "backups": sorted(os.listdir(f"{directory}/backups")),
    "build_context": os.path.exists(f"{project}/docker-qgis/Dockerfile"),
}
try:
    state.update(engine_state())
except OSError as error:
    state.update(engine=False, engine_error=str(error))
json.dump(state, sys.stdout, indent=1)
print()
