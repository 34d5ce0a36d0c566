# shellcheck shell=bash
# Completion of hobnob's command lines in bash 3.2 and newer. hobnob itself knows what fits: the first line that it prints
# says of what kind, each other one is a value, and behind a tab what it means.

_hobnob() {
    local kind='' value
    COMPREPLY=()
    while IFS=$'\t' read -r value _; do
        if [[ -z $kind ]]; then
            kind=$value
        else
            COMPREPLY+=("$value")
        fi
    done < <("${1/#\~/$HOME}" __complete bash "${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" 2>/dev/null)
    # Before version 4 there is no compopt: file names are then offered where nothing else fits.
    type -t compopt >/dev/null || return 0
    case $kind in
        files) compopt -o default ;;
        folders) compopt -o dirnames ;;
        open) compopt +o default -o nospace ;;
        *)
            compopt +o default
            # In hobnob's own order, where bash can (4.4).
            compopt -o nosort 2>/dev/null
            ;;
    esac
}

complete -o default -F _hobnob hobnob
