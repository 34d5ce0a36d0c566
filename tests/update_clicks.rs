//! What a click does in a list: it chooses, and on what is chosen it does what Enter would.

mod support;

use std::time::Duration;

use hobnob::app::msg::{Effect, Msg, TermEvent};
use hobnob::app::{App, Overlay, Pane};
use hobnob::config::SPECS;
use hobnob::domain::store::{ConvIds, StoreCmd, StoreEvent, Summary};
use support::app::Driver;

/// Clicks where a text is on a screen of 80×24.
fn click(d: &mut Driver, text: &str) -> Vec<Effect> {
    let screen = d.screen(80, 24);
    let row = screen.lines().position(|line| line.contains(text)).unwrap_or_else(|| panic!("no {text}:\n{screen}"));
    let line = screen.lines().nth(row).expect("a row");
    let column = line[..line.find(text).expect("there")].chars().count();
    let (column, row) = (u16::try_from(column).expect("few"), u16::try_from(row).expect("few"));
    d.send(Msg::Term(TermEvent::Click { column, row }))
}

fn chosen_in_palette(app: &App) -> Option<String> {
    match &app.overlay {
        Some(Overlay::Palette(picker)) => picker.chosen().map(|row| row.label.clone()),
        _ => None,
    }
}

#[test]
fn the_palette_takes_what_is_clicked_twice() {
    let mut d = Driver::new();
    d.ready();
    d.key("ctrl-p");
    d.type_text("go to");
    assert_eq!(click(&mut d, "Go to Settings"), []);
    assert_eq!(chosen_in_palette(&d.app).as_deref(), Some("Go to Settings"));
    click(&mut d, "Go to Settings");
    assert!(d.app.overlay.is_none());
    assert_eq!(d.app.pane, Pane::Settings);
}

#[test]
fn a_long_list_does_not_move_from_under_the_pointer() {
    let mut d = Driver::new();
    d.ready();
    d.key("ctrl-p");
    for _ in 0..3 {
        d.key("pgdn");
    }
    let before = d.screen(80, 24);
    let rows: Vec<&str> = before.lines().filter(|line| line.contains('│')).collect();
    let label = |line: &str| line.trim_matches([' ', '│']).split("  ").next().map(str::to_owned).expect("a label");
    let above = label(rows[rows.len() - 6]);
    click(&mut d, &above);
    assert_eq!(chosen_in_palette(&d.app), Some(above.clone()));
    let after = d.screen(80, 24);
    let place = |screen: &str| screen.lines().position(|line| line.contains(&above));
    assert_eq!(place(&before), place(&after));
}

#[test]
fn settings_are_chosen_and_changed() {
    let mut d = Driver::new();
    d.ready();
    d.key("f4");
    let mouse = SPECS.iter().find(|spec| spec.key == "ui.mouse").expect("a setting");
    d.app.settings_pane.go_to("ui.mouse");
    d.screen(80, 24);
    d.key("up");
    assert_ne!(d.app.settings_pane.chosen().key, mouse.key);
    assert_eq!(click(&mut d, mouse.title), []);
    assert_eq!(d.app.settings_pane.chosen().key, mouse.key);
    let effects = click(&mut d, mouse.title);
    assert!(effects.contains(&Effect::Mouse(true)), "{effects:?}");
}

#[test]
fn a_conversation_is_opened_with_a_click_on_either_of_its_lines() {
    let mut d = Driver::new();
    d.ready();
    d.key("f8");
    let mut ids = ConvIds::seeded(7);
    let mut summary = |n: u32| Summary {
        id: ids.make(),
        title: format!("title {n}"),
        model: None,
        messages: 2,
        preview: format!("preview {n}"),
        updated: 0,
        age: Duration::from_secs(60),
        pinned: false,
        archived: false,
        draft: false,
    };
    let conversations = vec![summary(1), summary(2)];
    let ask = d.asked_store();
    d.send(Msg::Store(StoreEvent::Listed { ask, conversations }));
    click(&mut d, "preview 2");
    d.stored.clear();
    click(&mut d, "title 2");
    assert!(d.app.overlay.is_none());
    assert!(d.stored.iter().any(|command| matches!(command, StoreCmd::Open { .. })), "{:?}", d.stored);
}

#[test]
fn what_is_offered_stands_over_the_conversation() {
    let mut d = Driver::new();
    d.ready();
    d.type_text("/the");
    click(&mut d, "/theme");
    assert_eq!(d.app.chat.composer.area.text(), "/theme ");
}

#[test]
fn what_is_behind_a_question_is_not_clicked() {
    let mut d = Driver::new();
    d.ready();
    d.key("f4");
    d.screen(80, 24);
    let before = d.app.settings_pane.selected;
    d.key("ctrl-q");
    click(&mut d, "Settings");
    let row = u16::try_from(d.screen(80, 24).lines().count() - 4).expect("few");
    for row in 1..row {
        d.send(Msg::Term(TermEvent::Click { column: 3, row }));
    }
    assert_eq!((d.app.pane, d.app.settings_pane.selected), (Pane::Settings, before));
}
