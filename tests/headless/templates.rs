//! Prompt templates: ours, the user's own, and what goes into them.

use serde_json::json;

use crate::sandbox::Sandbox;
use crate::support::models::starter;

fn template(home: &Sandbox, name: &str, text: &str) {
    home.write(&format!("home/.config/hobnob/templates/{name}.toml"), text);
}

#[test]
fn input_and_variables_go_into_the_prompt() {
    let home = Sandbox::new();
    let echo = home.script("");
    template(&home, "ask", "prompt = \"<{{input}}> to {{to}}\"\nsystem = \"{{to}}!\"\n[variables]\nto = \"Rome\"\n");
    let run = |args: &[&str], input: &str| {
        let done = home.run_with(["run", "-m", &echo, "-t", "ask"].into_iter().chain(args.iter().copied()), input);
        done.assert_code(0);
        done.text().trim_end_matches('\n').to_owned()
    };
    assert_eq!(run(&["a", "b"], ""), "<a b> to Rome");
    assert_eq!(run(&[], "piped\n"), "<piped> to Rome");
    assert_eq!(run(&["a", "--var", "to={{input}}"], "b"), "<a\n\nb> to {{input}}");
    home.write("place.txt", "Oslo\n");
    assert_eq!(run(&["a", "--var", "to=@place.txt"], ""), "<a> to Oslo");
}

#[test]
fn what_is_missing_or_unknown_is_said_before_anything_is_loaded() {
    let home = Sandbox::new();
    template(&home, "two", "prompt = \"{{a}} {{b}}\"\n[variables]\na = { description = \"the first\" }\n");
    template(&home, "bad", "prompt = \"x\"\n\n[sampling]\ntemprature = 1\n");
    let run = |args: &[&str]| home.run(["run", "-m", "script:missing.toml"].into_iter().chain(args.iter().copied()));
    let hint = |args: &[&str]| run(args).err.lines().find(|line| line.starts_with("hint:")).unwrap_or("").to_owned();
    run(&["-t", "two", "x"]).assert_error(2, "the template `two` needs `a` and `b`");
    assert_eq!(hint(&["-t", "two", "x"]), "hint: give it with `--var a=…`: the first");
    run(&["-t", "two", "--var", "c=1", "x"]).assert_error(2, "has no variable `c`");
    run(&["-t", "two", "--var", "c", "x"]).assert_error(2, "`--var c` says no value");
    run(&["--var", "a=1", "x"]).assert_error(2, "--template");
    run(&["-t", "comit", "x"]).assert_error(2, "there is no template `comit`");
    assert_eq!(hint(&["-t", "comit", "x"]), "hint: did you mean `commit`?");
    run(&["-t", "commit"]).assert_error(2, "nothing for the template `commit` to work on");
    run(&["-t", "bad", "x"]).assert_error(2, "bad.toml:4: unknown key `sampling.temprature`");
    run(&["-t", "./none.toml", "x"]).assert_error(2, "there is no template in `./none.toml`");
}

#[test]
fn options_win_over_what_a_template_says_and_it_wins_over_the_config_file() {
    let home = Sandbox::new();
    home.config("[chat]\nsystem_prompt = \"config\"\nmax_tokens = 2\n");
    let words = home.script("[[reply]]\ntext = \"one two three four five\"\n");
    template(&home, "t", &format!("model = {words:?}\nmax_tokens = 4\nstop = [\"three\"]\n"));
    let run = |args: &[&str]| {
        let done = home.run(["run", "-q"].into_iter().chain(args.iter().copied()));
        done.assert_code(0);
        done.text().to_owned()
    };
    assert_eq!(run(&["-m", &words, "x"]), "one two\n");
    assert_eq!(run(&["-t", "t", "x"]), "one two \n");
    assert_eq!(run(&["-t", "t", "--stop", "nine", "x"]), "one two three four\n");
    assert_eq!(run(&["-t", "t", "--max-tokens", "1", "x"]), "one\n");
}

#[test]
fn they_are_listed_and_shown() {
    let home = Sandbox::new();
    template(&home, "commit", "description = \"Mine\"\nprompt = \"mine: {{input}}\"\n");
    template(&home, "wrong", "prompt = 3\n");
    let list = home.run(["templates"]);
    list.assert_code(0);
    let rows: Vec<Vec<&str>> = list.text().lines().map(|line| line.split('\t').collect()).collect();
    let names: Vec<&str> = rows.iter().map(|row| row[0]).collect();
    assert_eq!(names, ["commit", "summarise", "classify", "explain", "translate", "wrong"]);
    assert_eq!(rows[0], ["commit", "Mine", "yours"]);
    assert_eq!(rows[1][2], "built in");
    assert!(rows[5][1].contains("wrong.toml:1"), "{rows:?}");
    let json = home.run(["templates", "list", "--json"]);
    json.assert_code(0);
    assert!(json.json()["folder"].as_str().expect("a path").ends_with("hobnob/templates"));
    let shown = home.run(["templates", "show", "translate"]);
    shown.assert_code(0);
    assert!(shown.text().starts_with("# ") && shown.text().contains("{{input}}"));
    // What is shown is a template.
    template(&home, "copy", shown.text());
    let (ours, copy) = (
        home.run(["templates", "show", "translate", "--json"]).json(),
        home.run(["templates", "show", "copy", "--json"]).json(),
    );
    assert_eq!((&ours["prompt"], &ours["variables"]), (&copy["prompt"], &copy["variables"]));
    assert_eq!(
        ours["variables"],
        json!([{"name": "to", "default": "English", "description": "the language to translate to"}])
    );
    home.run(["templates", "show", "translat"]).assert_error(2, "there is no template `translat`");
}

#[test]
fn ours_work_with_a_real_model() {
    let home = Sandbox::new();
    let model = starter().to_string_lossy().into_owned();
    for (name, input) in [
        ("commit", "diff --git a/x b/x\n-a\n+b\n"),
        ("summarise", "The cat sat on the mat. It was a warm day."),
        ("explain", "error[E0382]: borrow of moved value: `x`"),
        ("translate", "Guten Morgen"),
    ] {
        let done = home.run_with(["run", "-m", &model, "-t", name, "--max-tokens", "12", "-q"], input);
        done.assert_code(0);
        assert!(!done.text().trim().is_empty(), "{name}");
    }
    let done = home.run_with(["run", "-m", &model, "-t", "classify", "--var", "labels=spam, ham"], "Buy now!");
    done.assert_code(0);
    let label: serde_json::Value = serde_json::from_str(done.text()).expect("JSON");
    assert!(
        label["label"].is_string() && ["low", "medium", "high"].contains(&label["confidence"].as_str().expect("text"))
    );
}
