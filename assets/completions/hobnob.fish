# Completion of hobnob's command lines in fish. hobnob itself knows what fits: the first line that it prints says of what kind,
# each other one is a value, and behind a tab what it means.

function __hobnob_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -q current[1]; or set current ''
    set -l found ($words[1] __complete words $words $current 2>/dev/null)
    set -l kind $found[1]
    set -e found[1]
    switch "$kind"
        case files
            __fish_complete_path $current
        case folders
            __fish_complete_directories $current
    end
    if set -q found[1]
        printf '%s\n' $found
    end
end

complete -c hobnob -f -a '(__hobnob_complete)'
