# Completion of hobnob's command lines in fish. hobnob itself knows what fits: the first line that it prints says of what kind,
# each other one is a value, and behind a tab what it means.

# Asks hobnob, and keeps what it says; fails where files can stand, which fish completes better.
function __hobnob_knows
    set -l words (commandline -opc)
    set -l written (commandline -ct)
    # As it will be read: a quote that is still open is closed for that.
    set -l current $written
    for close in '' "'" '"'
        set -l read (string unescape -- "$written$close" 2>/dev/null)
        and set current "$read"
        and break
    end
    set -l program (string replace -r '^~' "$HOME" -- $words[1])
    set -g __hobnob_found ($program __complete words $words "$current" 2>/dev/null)
    set -l kind $__hobnob_found[1]
    set -e __hobnob_found[1]
    switch "$kind"
        case files
            return 1
        case folders
            set -g __hobnob_found (__fish_complete_directories "$written" '')
    end
    return 0
end

complete -c hobnob -e
# Without a file while one only writes: fish suggests before anything is asked.
complete -c hobnob -f
complete -c hobnob -n 'not __hobnob_knows' -F
complete -c hobnob -n __hobnob_knows -k -a '$__hobnob_found'
