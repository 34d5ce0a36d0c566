//! What each knob of sampling does in the real engine.

use crate::sandbox::Sandbox;
use crate::support::models::starter;

fn answer(home: &Sandbox, more: &[&str]) -> String {
    let path = starter().to_string_lossy().into_owned();
    let args = ["run", "-q", "-m", &path, "--max-tokens", "24"];
    let done =
        home.run(args.into_iter().chain(more.iter().copied()).chain(["Say yes again and again: yes yes yes yes"]));
    done.assert_code(0).text().to_owned()
}

#[test]
fn only_the_likeliest_is_greedy_whatever_the_temperature() {
    let home = Sandbox::new();
    let greedy = answer(&home, &["--temperature", "0"]);
    for top_p in ["1", "0.5"] {
        assert_eq!(answer(&home, &["--temperature", "2", "--min-p", "1", "--top-p", top_p]), greedy, "top-p {top_p}");
    }
    assert_eq!(answer(&home, &["--temperature", "2", "--top-k", "1"]), greedy);
    assert_eq!(answer(&home, &["--temperature", "2", "--top-p", "0.000001"]), greedy);
    assert_ne!(answer(&home, &["--temperature", "2", "--top-p", "1", "--min-p", "0", "--top-k", "0"]), greedy);
}

#[test]
fn every_penalty_changes_what_is_likeliest() {
    let home = Sandbox::new();
    let greedy = answer(&home, &["--temperature", "0"]);
    for penalty in [
        &["--repetition-penalty", "1.5"][..],
        &["--frequency-penalty", "2"],
        &["--presence-penalty", "2"],
        &["--dry-multiplier", "5"],
    ] {
        let punished = answer(&home, &[&["--temperature", "0"], penalty].concat());
        assert_ne!(punished, greedy, "{penalty:?}");
    }
    // What may be said again is not punished, and what is off is off.
    let allowed = ["--temperature", "0", "--dry-multiplier", "5", "--dry-allowed-length", "50"];
    assert_eq!(answer(&home, &allowed), greedy);
    assert_eq!(answer(&home, &["--temperature", "0", "--dry-multiplier", "0", "--dry-base", "4"]), greedy);
}
