//! The last row while scripts use the engine, and what the state makes of that.

mod support;

use hobnob::app::msg::{Effect, TimerId};
use hobnob::config::Value;
use hobnob::config::theme::{Capabilities, ColourDepth};
use hobnob::domain::EngineEvent;
use support::app::Driver;

fn last_row(d: &mut Driver, width: u16, height: u16) -> String {
    d.screen(width, height).lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_owned()
}

#[test]
fn a_person_sees_that_a_script_asks() {
    let mut d = Driver::new();
    d.ready();
    d.engine(EngineEvent::Lent { scripts: 1 });
    insta::assert_snapshot!("a_script_asks_80x24", d.screen(80, 24));
    assert!(last_row(&mut d, 40, 12).contains("a script asks"), "{}", d.screen(40, 12));
    d.engine(EngineEvent::Lent { scripts: 3 });
    assert!(last_row(&mut d, 120, 40).contains("3 scripts ask"), "{}", d.screen(120, 40));
    d.engine(EngineEvent::Lent { scripts: 0 });
    assert!(!d.screen(120, 40).contains("script"), "{}", d.screen(120, 40));
}

#[test]
fn a_model_that_scripts_use_does_not_go_to_sleep() {
    let capabilities = Capabilities { depth: ColourDepth::True, unicode: true };
    let mut d = Driver::with(vec![("engine.unload_after", Value::Int(30), "")], capabilities);
    d.ready();
    let effects = d.engine(EngineEvent::Lent { scripts: 0 });
    assert!(effects.iter().any(|effect| matches!(effect, Effect::SetTimer { id: TimerId::Idle, .. })), "{effects:?}");
}
