//! Conversations by their titles, and the dates that a person is told.

use crate::sandbox::{Done, Sandbox};

/// Asks in a conversation of its own, and gives its id.
#[track_caller]
fn saved(home: &Sandbox, script: &str, question: &str) -> String {
    let done = home.run(["run", "-m", script, "--save", "--json", question]);
    done.assert_code(0);
    done.json()["session"].as_str().expect("an id").to_owned()
}

fn with_three() -> (Sandbox, String, [String; 3]) {
    let home = Sandbox::new();
    let script = home.script("[[reply]]\ntext = \"It is so.\"\n");
    let ids = ["Why is the sky blue?", "Why is it red at dusk?", "How do I bake bread?"];
    let ids = ids.map(|question| saved(&home, &script, question));
    (home, script, ids)
}

fn id(done: &Done) -> String {
    done.assert_code(0);
    done.json()["id"].as_str().expect("an id").to_owned()
}

#[test]
fn a_title_or_its_beginning_names_a_conversation() {
    let (home, script, [sky, dusk, bread]) = with_three();
    for (name, meant) in
        [("how do i bake", &bread), ("Why is the sky blue?", &sky), ("last", &bread), (&dusk[..9], &dusk)]
    {
        assert_eq!(&id(&home.run(["sessions", "show", "--json", name])), meant, "{name}");
    }
    let more = home.run(["run", "-m", &script, "--json", "--session", "why is it red", "And then?"]);
    more.assert_code(0);
    assert_eq!(more.json()["session"], dusk.as_str());
    assert_eq!(id(&home.run(["sessions", "show", "--json", "last"])), dusk, "it was used last now");
}

#[test]
fn what_can_mean_several_names_them_and_nothing_is_removed_by_a_title() {
    let (home, script, [sky, dusk, bread]) = with_three();
    let several = home.run(["sessions", "show", "why is"]);
    several.assert_error(2, "`why is` can mean several conversations");
    for one in [&sky, &dusk] {
        assert!(several.err.contains(&one[..8]), "{}", several.err);
    }
    assert!(several.err.contains("“Why is the sky blue?”") && !several.err.contains(&bread[..8]), "{}", several.err);
    home.run(["run", "-m", &script, "--session", "why", "hi"]).assert_error(2, "several");
    let near = home.run(["sessions", "show", "How do I bake bred?"]);
    near.assert_error(2, "there is no conversation");
    assert!(near.err.contains("did you mean `How do I bake bread?`"), "{}", near.err);
    home.run(["sessions", "rm", "--yes", "How do I"]).assert_error(2, "nothing is removed as `How do I`");
    home.run(["sessions", "rm", "--yes", "last"]).assert_error(2, "nothing is removed as `last`");
    home.run(["sessions", "rm", "--yes", &bread]).assert_code(0);
}

/// Clocks of central Europe, in words that need no files of the system.
const CENTRAL_EUROPE: &str = "CET-1CEST,M3.5.0,M10.5.0/3";

#[test]
fn dates_are_told_in_the_zone_of_who_reads_them() {
    let home = Sandbox::new();
    // 2024-03-31 00:59 and 01:01 in universal time: between them the clocks go forward.
    let talk = |id: &str, created: u64| {
        format!(
            "{{\"hobnob\":1,\"id\":\"{id}\",\"title\":\"t\",\"own_title\":true,\"created\":{created},\"updated\":{created},\
             \"messages\":[{{\"id\":0,\"parent\":null,\"role\":\"user\",\"at\":{created},\"content\":\"hi\"}}]}}"
        )
    };
    for (id, created, there, with_zone) in [
        ("00000000000000aa", 1_711_846_740_u64, "2024-03-31 01:59", "2024-03-31 01:59 +01:00"),
        ("00000000000000bb", 1_711_846_860, "2024-03-31 03:01", "2024-03-31 03:01 +02:00"),
    ] {
        let file = home.write("talk.json", talk(id, created));
        home.run(["sessions", "import", file.to_str().expect("a name")]).assert_code(0);
        let at = |zone: &str, args: &[&str]| {
            let mut command = home.hobnob(args.iter().copied());
            command.env("TZ", zone);
            let done = crate::sandbox::Running::start(command).finish();
            done.assert_code(0);
            done.text().to_owned()
        };
        assert!(at(CENTRAL_EUROPE, &["sessions", "show", id]).contains(there));
        assert!(at(CENTRAL_EUROPE, &["sessions", "export", id]).contains(with_zone));
        assert!(at(CENTRAL_EUROPE, &["sessions", "export", "--format", "html", id]).contains(with_zone));
        let universal = at("UTC", &["sessions", "export", id]);
        assert!(universal.contains("+00:00") && !universal.contains(there), "{universal}");
        let json = at(CENTRAL_EUROPE, &["sessions", "export", "--json", id]);
        assert_eq!(json, at("UTC", &["sessions", "export", "--json", id]), "it is the same wherever one is");
        assert!(json.contains(&format!("\"created\": {created}")) || json.contains(&format!("\"created\":{created}")));
    }
}
