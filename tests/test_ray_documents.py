"""What docs/ray.md shows of clusters works: by hand, on SLURM (with stand-ins), in a cloud, on Kubernetes."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("ray")

import yaml  # which Ray needs

from operant.engine.checkpoint import latest_checkpoint

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "ray.md").read_text()


def block(kind: str, containing: str) -> str:
    """The one block of code of the page that has these words in it."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", PAGE, re.S | re.M)
    (found,) = (text for of, text in blocks if of == kind and containing in text)
    return found


def free_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


def environment(tmp_path: Path) -> dict[str, str]:
    """With a home of its own, where tokens are, and what comes with this interpreter first among commands."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    path = os.pathsep.join([str(tmp_path), str(Path(sys.executable).parent), os.environ["PATH"]])
    return inherited | {"HOME": str(tmp_path), "PATH": path, "PYTHONPATH": str(ROOT)}


def play(script: str, tmp_path: Path) -> str:
    (tmp_path / "script").write_text(script)
    answer = subprocess.run(
        ["bash", "-e", "script"],
        capture_output=True,
        text=True,
        env=environment(tmp_path),
        cwd=tmp_path,
        timeout=400,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout[-3000:] + answer.stderr[-3000:]
    return answer.stdout


TRAINING = "operant train impala CartPole-v1"
SHORT = f"{TRAINING} --total-timesteps 2000 --run-dir run --no-video"
# Who has joined the cluster, as its head knows: a run that starts Ray by itself, or threads, would score as well.
LOOK = """
python -c '
import os, ray
ray.init(os.environ.get("RAY_ADDRESS", "auto"))
print("joined:", [job["Entrypoint"] for job in ray._private.state.jobs()])'
"""


def require_joined(said: str) -> None:
    assert "score:" in said
    (joined,) = (line for line in said.splitlines() if line.startswith("joined:"))
    assert "operant train" in joined


@pytest.mark.full
def test_a_cluster_made_by_hand_as_the_page_shows(tmp_path):
    """On one machine: the head's address is this machine's, and its other node is here too."""
    script, port = block("", "ray get-auth-token --generate"), free_port()
    script = script.replace("10.0.0.1:6379", f"127.0.0.1:{port}").replace("10.0.0.1", "127.0.0.1")
    script = script.replace("--port 6379", f"--port {port} --num-cpus 1").replace(
        f"--address 127.0.0.1:{port} ", f"--address 127.0.0.1:{port} --num-cpus 1 "
    )
    script = script.replace(TRAINING, SHORT).replace("--workers 64", "--workers 2")
    ending = f"pkill -9 -f [:=]{port}"  # instead of `ray stop`, which ends what others have started, too
    script = re.sub(r"^ray stop.*$", "", script, flags=re.M)
    require_joined(play(f"trap '{ending} || true' EXIT\n{script}\n{LOOK}", tmp_path))
    assert latest_checkpoint(tmp_path / "run" / "checkpoints") is not None


SRUN = """#!/bin/bash
tasks=1
while [[ $1 == -* ]]; do
  case $1 in --ntasks=*) tasks=${1#*=};; -w) shift;; esac
  shift
done
for ((i = 0; i < tasks; i++)); do "$@" & done
trap 'kill $(jobs -p)' TERM
wait
"""


@pytest.mark.full
def test_the_slurm_script_of_the_page(tmp_path):
    """Its commands have stand-ins that start everything here."""
    for name, text in {"srun": SRUN, "scontrol": "#!/bin/bash\necho 127.0.0.1\necho elsewhere\n"}.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    script = block("bash", "#SBATCH").replace("6379", free_port()).replace("--num-cpus=32", "--num-cpus=1")
    script = (
        script.replace("sleep 20", "sleep 12")
        .replace(TRAINING, SHORT)
        .replace("--workers 120", "--workers 3")
    )
    require_joined(play(f"trap 'kill $(jobs -p)' EXIT\n{script}\n{LOOK}", tmp_path))
    assert latest_checkpoint(tmp_path / "run" / "checkpoints") is not None


def test_the_cluster_of_a_cloud_is_one_that_ray_takes():
    from ray.autoscaler._private.util import prepare_config, validate_config

    cluster = prepare_config(yaml.safe_load(block("yaml", "cluster_name")))
    validate_config(cluster)
    assert cluster["available_node_types"]["worker"]["min_workers"] == 4


def test_the_cluster_of_kubernetes_has_room_for_the_workers_of_the_page():
    """`kubectl` checks its fields by KubeRay's schema."""
    cluster = yaml.safe_load(block("yaml", "RayCluster"))
    assert (cluster["apiVersion"], cluster["spec"]["authOptions"]) == ("ray.io/v1", {"mode": "token"})
    head, (workers,) = cluster["spec"]["headGroupSpec"], cluster["spec"]["workerGroupSpecs"]
    nodes = [(1, head), (workers["replicas"], workers)]
    containers = [(count, *group["template"]["spec"]["containers"]) for count, group in nodes]
    cores = sum(count * int(container["resources"]["limits"]["cpu"]) for count, container in containers)
    (asked,) = re.findall(r"--workers (\d+)", block("", "kubectl apply"))
    assert cores >= int(asked)
