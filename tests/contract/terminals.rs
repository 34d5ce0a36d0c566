//! What a terminal's environment says is respected: no colours and no lines that move where they are not wanted.

use crate::sandbox::Sandbox;
use crate::support::pty::{Home, Setup};

const SLOW: &str = "load_ms = 400\n[[reply]]\ntext = \"Fine, thank you.\"\n";

type Variables = &'static [(&'static str, &'static str)];

#[test]
fn nothing_moves_and_nothing_is_coloured_where_it_is_not_wanted() {
    let (home, files) = (Home::new(), Sandbox::new());
    let slow = files.script(SLOW);
    // Whether a line may move, and whether words may have colours.
    let cases: [(Variables, bool, bool); 7] = [
        (&[("TERM", "xterm-256color")], true, true),
        (&[("TERM", "xterm-256color"), ("NO_COLOR", "")], true, true),
        (&[("TERM", "xterm-256color"), ("NO_COLOR", "1")], true, false),
        (&[("TERM", "dumb")], false, false),
        (&[("TERM", "")], false, false),
        (&[("TERM", "xterm-256color"), ("CI", "true")], false, false),
        (&[("TERM", "xterm-256color"), ("CI", "false")], true, true),
    ];
    for (variables, moves, colours) in cases {
        let raw = |args: &[&str]| {
            let setup = Setup::hobnob().home(&home).without_env("NO_COLOR").without_env("CI");
            let setup = variables.iter().fold(setup, |setup, (name, value)| setup.env(*name, *value));
            let mut terminal = args.iter().fold(setup, |setup, arg| setup.arg(*arg)).start();
            terminal.wait_exit();
            String::from_utf8_lossy(&terminal.raw()).into_owned()
        };
        let answer = raw(&["run", "-m", &slow, "hi"]);
        assert!(answer.ends_with("Fine, thank you.\r\n"), "{variables:?}: {answer:?}");
        assert_eq!(answer.contains("\x1b[2K"), moves, "{variables:?}: {answer:?}");
        assert!(moves || answer == "Fine, thank you.\r\n", "{variables:?}: {answer:?}");
        let error = raw(&["run", "-m", "./missing.gguf", "hi"]);
        assert_eq!(error.contains("\x1b["), colours, "{variables:?}: {error:?}");
    }
}
