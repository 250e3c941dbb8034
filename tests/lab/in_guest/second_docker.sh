#!/bin/bash
# second_docker.sh start|stop: a dockerd with everything of its own but the sockets of plugins.
set -e
run=/run/second
data=/var/lib/second
socket=$run/docker.sock

wait_for() {
    for _ in $(seq 600); do
        "$@" 2>/dev/null && return
        sleep 0.1
    done
    return 1
}

containerd_answers() { socat -u OPEN:/dev/null UNIX-CONNECT:$run/containerd.sock; }
docker_answers() { printf 'GET /_ping HTTP/1.0\r\n\r\n' | socat -t 60 - UNIX-CONNECT:$socket | grep -q 200; }

start() {
    mkdir -p $run $data
    printf 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n' >$run/containerd.toml
    setsid containerd --config $run/containerd.toml --root $data/containerd --state $run/containerd \
        --address $run/containerd.sock </dev/null >/var/log/lab/containerd2.log 2>&1 &
    echo $! >$run/containerd.pid
    wait_for containerd_answers
    # shellcheck disable=SC2046 # One flag a word.
    setsid dockerd $(grep -v -e '^#' -e --containerd= /work/lab/dockerd.flags) --containerd=$run/containerd.sock \
        --data-root=$data/docker --exec-root=$run/docker --pidfile=$run/docker.pid --host=unix://$socket \
        </dev/null >/var/log/lab/dockerd2.log 2>&1 &
    wait_for docker_answers || { tail /var/log/lab/dockerd2.log >&2; return 1; }
    docker -H unix://$socket import /opt/lab/alpine.tar alpine:latest
}

stop() {
    docker -H unix://$socket ps -aq | xargs -r docker -H unix://$socket rm -f
    docker -H unix://$socket network ls -q --filter type=custom | xargs -r docker -H unix://$socket network rm
    for name in docker containerd; do
        pid=$(cat $run/$name.pid)
        kill "$pid"
        while [ -e "/proc/$pid/exe" ]; do sleep 0.1; done
    done
    grep -o " $run/[^ ]*\| $data/[^ ]*" /proc/mounts | sort -r | xargs -r umount -l
    rm -rf $run $data
}

"$1"
