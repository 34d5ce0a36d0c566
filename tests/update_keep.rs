//! Keeping the copy of weights that were quantised while they were loaded: what the interface offers, and what it wants done.

mod support;

use std::time::Duration;

use hobnob::app::msg::Effect;
use hobnob::app::{EngineStatus, ToastKind};
use hobnob::domain::model::ModelInfo;
use hobnob::domain::quant::KeptCopy;
use hobnob::domain::{EngineCmd, EngineEvent, HubCmd, LoadId, LoadStage};
use hobnob::error::{ErrorKind, UserError};
use support::app::{Driver, info};

/// Took long enough to be worth a copy.
fn quantised(copy: KeptCopy) -> ModelInfo {
    ModelInfo { quant: "Q8_0".into(), load_time: Duration::from_secs(40), copy, ..info() }
}

fn loaded(d: &mut Driver, id: u64, info: ModelInfo) -> Vec<Effect> {
    d.engine(EngineEvent::Loaded { id: LoadId(id), info: Box::new(info) })
}

/// Whether each load that is wanted writes the copy down.
fn keeps(effects: &[Effect]) -> Vec<bool> {
    let keep = |effect: &Effect| match effect {
        Effect::Engine(EngineCmd::Load { spec, .. }) => Some(spec.settings.keep),
        _ => None,
    };
    effects.iter().filter_map(keep).collect()
}

fn toast(d: &Driver) -> (ToastKind, String) {
    let toast = d.app.toasts.back().expect("a word at the edge");
    (toast.kind, format!("{} | {}", toast.text, toast.hint.as_deref().unwrap_or_default()))
}

#[test]
fn a_slow_quantisation_offers_to_keep_its_copy() {
    let mut d = Driver::new();
    d.ready();
    d.key("f6");
    loaded(&mut d, 2, quantised(KeptCopy::Possible));
    let (kind, text) = toast(&d);
    assert_eq!(kind, ToastKind::Note);
    assert!(text.contains("as Q8_0 took 40 s") && text.contains("F7"), "{text}");

    assert_eq!(keeps(&d.key("f7")), [true]);
    d.engine(EngineEvent::Progress { id: LoadId(3), stage: LoadStage::Keeping });
    assert!(d.screen(80, 24).contains("keeping the quantised copy"), "{}", d.screen(80, 24));
    let effects = loaded(&mut d, 3, quantised(KeptCopy::Kept("/data/quantised/smol-q8_0".into())));
    assert!(effects.contains(&Effect::Hub(HubCmd::ScanLocal)), "the list shows it: {effects:?}");
    assert!(toast(&d).1.contains("is kept as Q8_0 | /data/quantised/smol-q8_0"), "{:?}", toast(&d));
    // The next load only uses it.
    assert_eq!(keeps(&d.key("f6")), [false]);
    let effects = loaded(&mut d, 4, quantised(KeptCopy::Kept("/data/quantised/smol-q8_0".into())));
    assert!(!effects.contains(&Effect::Hub(HubCmd::ScanLocal)), "{effects:?}");
    assert!(keeps(&d.key("f7")).is_empty());
    assert!(toast(&d).1.contains("is kept in /data/quantised/smol-q8_0"), "{:?}", toast(&d));
}

#[test]
fn what_is_quick_or_can_t_be_kept_is_not_offered() {
    for info in [
        ModelInfo { load_time: Duration::from_millis(900), ..quantised(KeptCopy::Possible) },
        quantised(KeptCopy::None),
        info(),
    ] {
        let mut d = Driver::new();
        d.ready();
        d.key("f6");
        loaded(&mut d, 2, info);
        assert!(d.app.toasts.is_empty(), "{:?}", d.app.toasts);
    }
    let mut d = Driver::new();
    d.ready();
    assert!(keeps(&d.key("f7")).is_empty());
    assert!(toast(&d).1.contains("nothing to keep"), "{:?}", toast(&d));
    let mut d = Driver::new();
    assert!(keeps(&d.key("f7")).is_empty());
    assert!(toast(&d).1.contains("No model is loaded"), "{:?}", toast(&d));
}

#[test]
fn what_went_wrong_with_a_copy_is_said_and_the_model_is_there() {
    let mut d = Driver::new();
    d.ready();
    d.key("f6");
    let full = UserError::new(ErrorKind::Disk, "a copy needs 4.2 GB, and /data has 1.0 GB left").hint("make room");
    loaded(&mut d, 2, ModelInfo { notes: vec![full], ..quantised(KeptCopy::Possible) });
    assert!(matches!(&d.app.engine, EngineStatus::Ready(info) if info.quant == "Q8_0"));
    let warnings: Vec<&str> =
        d.app.toasts.iter().filter(|t| t.kind == ToastKind::Warning).map(|t| t.text.as_str()).collect();
    assert_eq!(warnings, ["a copy needs 4.2 GB, and /data has 1.0 GB left"]);
}
