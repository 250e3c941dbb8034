#!/bin/busybox sh
# shellcheck shell=dash
# services.sh {ipvl|docker|containerd|all} {start|stop|restart|kill|status} [more flags for the daemon]
# start returns when the service answers, stop and kill when its process is gone. Logs: /var/log/lab.
# Under systemd its units are asked instead, and their flags are in their files.
# Written for busybox because its sleep, kill and cat cost no exec, which takes 20 ms on an emulated CPU.
set -u

usage() {
    echo "usage: services.sh {ipvl|docker|containerd|all} {start|stop|restart|kill|status} [daemon flags]" >&2
    exit 2
}

START_SECONDS=60
STOP_SECONDS=60
RUN=/run/lab
LOGS=/var/log/lab
mkdir -p $RUN $LOGS

DOCKER_PID=/run/docker.pid
DOCKER_SOCKET=/run/docker.sock
CONTAINERD_SOCKET=/run/containerd/containerd.sock
IPVL_SOCKET=/run/ipvl/control.sock

log_of() { [ "$1" = docker ] && echo $LOGS/dockerd.log || echo "$LOGS/$1.log"; }

# A zombie has no executable any more, so it counts as gone.
running() {
    pid=$(cat "$RUN/$1.pid" 2>/dev/null) && [ -n "$pid" ] && [ -e "/proc/$pid/exe" ]
}

# launch NAME SOCKET COMMAND...: starts the daemon apart from this shell and waits for its socket to take connections.
launch() {
    name=$1 socket=$2
    shift 2
    rm -f "$socket"
    setsid "$@" </dev/null >>"$(log_of "$name")" 2>&1 &
    echo $! >"$RUN/$name.pid"
    tries=$((START_SECONDS * 20))
    until [ -S "$socket" ] && answers "$name"; do
        tries=$((tries - 1))
        if ! running "$name"; then
            complain "$name" "ended while starting"
            return 1
        elif [ $tries -le 0 ]; then
            complain "$name" "does not answer after $START_SECONDS s"
            return 1
        fi
        usleep 50000
    done
}

complain() {
    echo "services.sh: $1 $2; the end of $(log_of "$1"):" >&2
    tail -n 20 "$(log_of "$1")" >&2
}

# dockerd and ipvl open their sockets early and serve them late, so one question with a patient wait tells when they are ready.
answers() {
    case $1 in
    docker) printf 'GET /_ping HTTP/1.0\r\n\r\n' | socat -t $START_SECONDS - UNIX-CONNECT:$DOCKER_SOCKET | grep -q 200 ;;
    containerd) socat -u OPEN:/dev/null UNIX-CONNECT:$CONTAINERD_SOCKET ;;
    ipvl) printf 'GET /version HTTP/1.0\r\n\r\n' | socat -T $START_SECONDS -,ignoreeof UNIX-CONNECT:$IPVL_SOCKET | grep -q 200 ;;
    esac 2>/dev/null
}

start() {
    name=$1
    shift
    running "$name" && return 0
    case $name in
    ipvl) launch ipvl $IPVL_SOCKET /usr/local/bin/ipvl serve "$@" ;;
    containerd) launch containerd $CONTAINERD_SOCKET /usr/bin/containerd --config /work/lab/containerd.toml "$@" ;;
    docker)
        start containerd || return 1
        # dockerd refuses to start while the process of this file exists, which may be a killed one not yet reaped.
        rm -f $DOCKER_PID
        # shellcheck disable=SC2046 # One flag a word.
        launch docker $DOCKER_SOCKET /usr/sbin/dockerd $(grep -v '^#' /work/lab/dockerd.flags) "$@" || return 1
        import_alpine
        ;;
    esac
}

# Once in the life of a disk.
import_alpine() {
    [ -e $LOGS/alpine-imported ] && return 0
    docker import /opt/lab/alpine.tar alpine:latest >/dev/null && touch $LOGS/alpine-imported
}

# end NAME SIGNAL
end() {
    running "$1" || { rm -f "$RUN/$1.pid"; return 0; }
    pid=$(cat "$RUN/$1.pid")
    kill -s "$2" "$pid"
    tries=$((STOP_SECONDS * 20))
    while running "$1"; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || { echo "services.sh: $1 (process $pid) is still there $STOP_SECONDS s after SIG$2" >&2; return 1; }
        usleep 50000
    done
    rm -f "$RUN/$1.pid"
}

status() {
    if running "$1"; then
        echo "$1: running, process $(cat "$RUN/$1.pid")"
    else
        echo "$1: stopped"
        return 3
    fi
}

# through_systemd NAME ACTION: the same with systemd's words.
through_systemd() {
    case $2 in
    kill) systemctl kill --kill-who=main --signal=KILL "$1.service" ;;
    status) systemctl is-active "$1.service" ;;
    start)
        systemctl start "$1.service" || return 1
        [ "$1" != docker ] || import_alpine
        ;;
    *) systemctl "$2" "$1.service" ;;
    esac
}

perform() {
    name=$1 action=$2
    shift 2
    if [ -d /run/systemd/system ]; then
        [ $# -eq 0 ] || { echo "services.sh: flags of $name are in its unit: $*" >&2; return 2; }
        through_systemd "$name" "$action"
        return
    fi
    case $action in
    start) start "$name" "$@" ;;
    stop) end "$name" TERM ;;
    kill) end "$name" KILL ;;
    restart) end "$name" TERM && start "$name" "$@" ;;
    status) status "$name" ;;
    esac
}

[ $# -ge 2 ] || usage
service=$1 action=$2
shift 2
case $service in ipvl | docker | containerd | all) ;; *) usage ;; esac
case $action in start | stop | restart | kill | status) ;; *) usage ;; esac
if [ "$service" = all ]; then
    # Stopped in the order in which they need each other, started in reverse.
    case $action in
    start) order="ipvl docker" ;;
    restart) usage ;;
    *) order="docker ipvl containerd" ;;
    esac
else
    order=$service
fi

result=0
for each in $order; do
    perform "$each" "$action" "$@" || result=$?
done
exit $result
