#!/bin/sh
# A gate for Fieldmedic: this host runs what the playbooks can ask for, and nothing beside.
# Made by `fieldmedic host-setup`. Make it anew when playbooks, parameters or hosts have changed.
set -u

line=${SSH_ORIGINAL_COMMAND-}
unset SSH_ORIGINAL_COMMAND
# One language for every command, whatever the login has.
LC_ALL=C
export LC_ALL

# rest: what is left of the line. Each of these takes its part off, or fails.
text() { case $rest in "$1"*) rest=${rest#"$1"} ;; *) return 1 ;; esac; }
over() { [ -z "$rest" ]; }

# bare <shape> <after>: a value up to the next blank, before the text that ends its word
bare() {
  value=${rest%%' '*}
  case $value in *"$2") value=${value%"$2"} ;; *) return 1 ;; esac
  is "$1" "$value" && text "$value$2"
}

# inner <shape> <after>: the same inside quotes, which no value can hold
inner() {
  value=${rest%%\'*}
  case $value in *"$2") value=${value%"$2"} ;; *) return 1 ;; esac
  is "$1" "$value" && text "$value$2"
}

# word <shape> <before> <after>: a word that is quoted if a blank or a backslash is in its value, and only then
word() {
  case $rest in
    \'*)
      text "'$2" && inner "$1" "$3" && text "'" || return 1
      case $value in *' '* | *\\*) ;; *) return 1 ;; esac ;;
    *) text "$2" && bare "$1" "$3" && case $value in *\\*) return 1 ;; esac ;;
  esac
}

# words <shape>: all that is left of the line
words() {
  count=0
  while [ -n "$rest" ]; do
    count=$((count + 1))
    text ' ' && word "$1" '' '' && [ "$count" -le 1000 ] || return 1
  done
}

# is <shape> <value>: the rules of the types of values, which the binary gate has too
is() {
  case $1 in
    list-*)
      left=$2 items=0
      case $left in *' ') return 1 ;; esac
      while [ -n "$left" ]; do
        item=${left%%' '*}
        items=$((items + 1))
        is "${1#list-}" "$item" && [ "$items" -le 1000 ] || return 1
        left=${left#"$item"}
        left=${left#' '}
      done ;;
    name)
      case $2 in
        *[!A-Za-z0-9._-]*) return 1 ;;
        [A-Za-z0-9_]*) [ "${#2}" -le 128 ] ;;
        *) return 1 ;;
      esac ;;
    path)
      case $2/ in
        *[!A-Za-z0-9._/@:+,' '-]* | */../*) return 1 ;;
        /*) [ "${#2}" -le 1024 ] && [ -n "$2" ] ;;
        *) return 1 ;;
      esac ;;
    path:*)
      base=${1#path:}
      case $2 in
        "$base" | "$base"/*) is path "$2" ;;
        *) return 1 ;;
      esac ;;
    image)
      case $2 in
        *[!A-Za-z0-9._/:@-]*) return 1 ;;
        [A-Za-z0-9]*) [ "${#2}" -le 255 ] ;;
        *) return 1 ;;
      esac ;;
    uuid)
      case $2 in *[!0-9a-fA-F-]*) return 1 ;; esac
      case $2 in
        *-*-*-*-*-*) return 1 ;;
        ????????-????-????-????-????????????) ;;
        *) return 1 ;;
      esac ;;
    integer)
      case $2 in
        0) ;;
        '' | 0* | *[!0-9]*) return 1 ;;
        *) [ "${#2}" -le 16 ] && [ "$2" -le 9007199254740992 ] ;;
      esac ;;
    host)
      case $2 in
        *:*)
          case ${2#*:} in '' | *[!0-9]*) return 1 ;; esac
          case ${2#*:} in ??????*) return 1 ;; esac ;;
      esac
      case ${2%%:*} in
        *[!A-Za-z0-9.-]*) return 1 ;;
        [A-Za-z0-9] | [A-Za-z0-9]*[A-Za-z0-9]) case $2 in *:*) set -- host "${2%%:*}" ;; esac; [ "${#2}" -le 253 ] ;;
        *) return 1 ;;
      esac ;;
    unit)
      case $2 in [A-Za-z0-9_\\]*) [ "${#2}" -le 255 ] || return 1 ;; *) return 1 ;; esac
      left=$2
      while :; do
        case $left in *\\*) ;; *) break ;; esac
        code=${left#*\\}
        case $code in x[0-9a-f][0-9a-f]*) left=${left%%\\*}_${code#x??} ;; *) return 1 ;; esac
      done
      case $left in *[!A-Za-z0-9:_.@-]*) return 1 ;; esac ;;
    *) return 1 ;;
  esac
}

# run <seconds>: OpenSSH passes no signal on to a forced command, so the deadline is kept here. Both streams
# get a mark where the output begins, behind whatever the login's start-up files printed.
run() {
  @BEGIN@ || exit 126
  if timeout -k 2 5 true 2>/dev/null; then exec timeout -k 2 "$1" /bin/sh -c "$line"; fi
  exec /bin/sh -c "$line"
}

refuse() {
  shown=$(printf '%s' "$line" | tr -c ' -~' '?' | cut -c 1-500)
  logger -t fieldmedic-gate -p auth.warning -- "not admitted, from ${SSH_CLIENT-nowhere}: $shown" 2>/dev/null
  echo '@REFUSAL@' >&2
  exit @REFUSED@
}

[ "${#line}" -le @LONGEST@ ] || refuse
if [ "$line" = '@QUESTION@' ]; then
  echo '@VERSION@'
  exit 0
fi

@RULES@
refuse
