#!/bin/sh
# The reload runner for programs of any language: the main process of the container. It runs a
# command as its child. When SIGUSR2 says that files have changed, it compiles them if the service
# says how, and starts the command again. What does not compile leaves the version before running.
#
# Whatever happens becomes a line in a pipe, which only the loop at the end reads: so nothing is
# missed between a look and a wait. For any POSIX shell.
set -u

# Seconds between SIGTERM and SIGKILL, for a version that gives way.
grace=2
# The same when the container is stopped.
stop=10
restart=no
# The command that compiles, quoted for a shell.
compile=
# shellcheck source=/dev/null
. "${0%/*}/options.sh"

# Who runs for as many seconds does not count as failing again and again.
STEADY=10
# So many compilations in a row give way to a newer change: a file that is always written must not
# keep the others from ever being seen.
YIELDS=3

is_running= # whether there is a command that has not ended
pid=        # its process
since=0     # when it was begun
next=       # `start` when the newest version follows its end
compiler=   # the process that compiles
is_compiling=
is_stale=   # whether files have changed since the compiler began
yields=0
crashes=0
pauses=0    # counts pauses, so that one that was cut short is known
ending=     # the number of the signal that ends the container

# All in one of the two outputs: the engine keeps no order between them.
say() { printf 'devstack: %s\n' "$*" >&2; }

# Sends a signal to a process and to whatever it has started.
send() { kill -s "$1" -- "-$2" 2>/dev/null || kill -s "$1" "$2" 2>/dev/null || :; }

# Begins a command in a process group of its own, where the image can make one.
# Events: `NAME-runs PID`, `NAME-ended PID CODE`.
begin() {
  name=$1
  shift
  (
    $group "$@" 3>&- &
    echo "$name-runs $!" >&3
    # A shell has a word of its own about who was killed.
    wait $! 2>/dev/null
    echo "$name-ended $! $?" >&3
  ) &
}

# After so many seconds there is an event.
after() {
  seconds=$1
  shift
  (sleep "$seconds" && echo "$*" >&3) &
}

start() {
  is_running=yes
  next=
  since=$(date +%s)
  pauses=$((pauses + 1))
  begin command "$@"
  # It is not the newest version.
  if [ -n "$is_stale" ] && [ -z "$is_compiling" ]; then begin_compiler; fi
}

# Ends the command; SIGKILL follows after so many seconds.
give_way() {
  patience=$1
  [ -n "$pid" ] || return
  send TERM "$pid"
  after "$patience" "late $pid"
}

begin_compiler() {
  is_compiling=yes
  is_stale=
  begin compiler sh -c "$compile"
}

changed() {
  [ -z "$ending" ] || return
  say 'a file changed'
  if [ -z "$compile" ]; then
    replace "$@"
  elif [ -z "$is_compiling" ]; then
    begin_compiler
  else
    is_stale=yes
    yields=$((yields + 1))
    if [ -n "$compiler" ] && [ "$yields" -le "$YIELDS" ]; then send KILL "$compiler"; fi
  fi
}

# Starts the newest version, after the end of the one that runs.
replace() {
  if [ -z "$is_running" ]; then
    again "$@"
  elif [ "$next" != start ]; then
    next=start
    give_way "$grace"
  fi
}

again() {
  if [ "$since" = 0 ]; then say 'starts'; else say 'starts again'; fi
  start "$@"
}

compiled() {
  code=$1
  shift
  is_compiling=
  compiler=
  [ -z "$ending" ] || return
  if [ -n "$is_stale" ] && { [ "$code" -ne 0 ] || [ "$yields" -le "$YIELDS" ]; }; then
    begin_compiler
  elif [ "$code" -ne 0 ]; then
    yields=0
    if [ -n "$is_running" ]; then
      say "does not compile (exit code $code): the version before goes on running"
    else
      say "does not compile (exit code $code): it starts again when a file changes"
    fi
  else
    yields=0
    if [ -n "$is_stale" ]; then say 'compiled, before the last change'; else say 'compiled'; fi
    replace "$@"
  fi
}

ended() {
  code=$1
  shift
  # What it has started ends with it.
  send KILL "$pid"
  is_running=
  pid=
  [ -z "$ending" ] || exit "$code"
  if [ "$next" = start ]; then
    again "$@"
    return
  fi
  if [ $(($(date +%s) - since)) -ge "$STEADY" ]; then crashes=0; fi
  most=${restart#on-failure}
  case $restart in
    always | unless-stopped) wanted=yes ;;
    on-failure)
      wanted=
      [ "$code" -eq 0 ] || wanted=yes
      ;;
    on-failure:*)
      wanted=
      if [ "$code" -ne 0 ] && [ "$crashes" -lt "${most#:}" ]; then wanted=yes; fi
      ;;
    *) wanted= ;;
  esac
  if [ -z "$wanted" ]; then
    say "ended with exit code $code: it starts again when a file changes"
    return
  fi
  crashes=$((crashes + 1))
  case $crashes in
    1) pause=1 ;;
    2) pause=2 ;;
    3) pause=4 ;;
    4) pause=8 ;;
    *) pause=30 ;;
  esac
  say "ended with exit code $code: it starts again in $pause s, or when a file changes"
  after "$pause" "wake $pauses"
}

end() {
  [ -z "$ending" ] || return
  ending=$1
  [ -z "$compiler" ] || send KILL "$compiler"
  [ -n "$is_running" ] || exit $((128 + ending))
  give_way "$stop"
}

open_pipe() {
  # The tmpfs of devstack's is root's alone after a restart, with some container runtimes.
  for folder in /run/devstack "${TMPDIR:-/tmp}"; do
    pipe=$folder/devstack-events.$$
    rm -f "$pipe" 2>/dev/null
    if mkfifo "$pipe" 2>/dev/null; then
      exec 3<>"$pipe"
      rm -f "$pipe"
      return
    fi
  done
  say 'there is no folder in which it may make a pipe: mount a tmpfs at /tmp'
  exit 1
}

group=$(command -v setsid || :)
open_pipe
trap 'echo changed >&3' USR2
trap 'echo "end 1" >&3' HUP
trap 'echo "end 2" >&3' INT
trap 'echo "end 3" >&3' QUIT
trap 'echo "end 15" >&3' TERM

if [ -n "$compile" ]; then begin_compiler; else start "$@"; fi
while :; do
  # A signal interrupts it; its line is there the next time.
  read -r event number code <&3 || continue
  case $event in
    changed) changed "$@" ;;
    command-runs)
      pid=$number
      if [ -n "$ending" ] || [ "$next" = start ]; then give_way "${patience:-$grace}"; fi
      ;;
    command-ended) ended "$code" "$@" ;;
    compiler-runs)
      compiler=$number
      if [ -n "$ending$is_stale" ]; then send KILL "$compiler"; fi
      ;;
    compiler-ended) compiled "$code" "$@" ;;
    late) [ "$number" != "$pid" ] || send KILL "$pid" ;;
    wake) if [ "$number" = "$pauses" ] && [ -z "$is_running$is_compiling" ]; then again "$@"; fi ;;
    end) end "$number" ;;
  esac
done
