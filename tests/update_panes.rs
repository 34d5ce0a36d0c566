//! What the Models and Settings panes, the palette and the pickers want done.

mod support;

use std::time::Duration;

use hobnob::app::msg::{Effect, Msg, TermEvent, TimerId};
use hobnob::app::{EngineStatus, Overlay, Pane, ThenLoad, ToastKind};
use hobnob::config::theme::{Capabilities, ColourDepth, Themes};
use hobnob::config::{Origin, Value};
use hobnob::domain::action::{Action, Context};
use hobnob::domain::hub::Local;
use hobnob::domain::machine::Machine;
use hobnob::domain::model::{LocalModel, ModelInfo, ModelRef};
use hobnob::domain::{DownloadState, EngineCmd, EngineEvent, FinishReason, GenId, HubCmd, HubEvent, JobId, LoadId};
use hobnob::error::{ErrorKind, UserError};
use support::app::{Driver, broken, huge, info, machine, starter};

fn loads(effects: &[Effect]) -> Vec<&str> {
    effects
        .iter()
        .filter_map(|e| match e {
            Effect::Engine(EngineCmd::Load { spec, .. }) => Some(spec.reference.as_str()),
            _ => None,
        })
        .collect()
}

fn saves(effects: Vec<Effect>) -> Vec<(&'static str, Option<Value>)> {
    effects
        .into_iter()
        .flat_map(|e| match e {
            Effect::SaveSettings(changes) => changes,
            _ => vec![],
        })
        .collect()
}

fn settle() -> Effect {
    Effect::SetTimer { id: TimerId::SaveSettings, after: Duration::from_millis(500) }
}

#[test]
fn panes_go_round() {
    let mut d = Driver::new();
    let mut seen = vec![];
    for _ in 0..4 {
        d.key("tab");
        seen.push(d.app.pane);
    }
    assert_eq!(seen, [Pane::Models, Pane::Settings, Pane::Chat, Pane::Models]);
    d.key("shift-tab");
    assert_eq!(d.app.pane, Pane::Chat);
    for (key, pane) in [("f3", Pane::Models), ("f4", Pane::Settings), ("f2", Pane::Chat), ("alt-2", Pane::Models)] {
        d.key(key);
        assert_eq!(d.app.pane, pane, "{key}");
    }
}

#[test]
fn a_model_that_is_too_large_is_a_question_not_a_wall() {
    let mut d = Driver::new();
    d.begin();
    d.send(Msg::Machine(machine()));
    d.hub(HubEvent::Local(Local { models: vec![huge()], ..Local::default() }));
    d.key("f3");
    assert_eq!(d.key("enter"), []);
    assert!(matches!(d.app.overlay, Some(Overlay::Confirm(_))));
    assert_eq!(loads(&d.key("enter")), ["org/huge:Q4_K_M"]);
}

#[test]
fn a_broken_model_says_why_and_is_not_loaded() {
    let mut d = Driver::new();
    d.begin();
    d.hub(HubEvent::Local(Local { models: vec![broken()], ..Local::default() }));
    d.key("f3");
    assert_eq!(loads(&d.key("enter")), Vec::<&str>::new());
    assert!(d.app.toasts.back().is_some_and(|t| t.text.contains("cut.gguf") && t.hint.is_some()));
}

#[test]
fn another_model_stops_the_answer_first() {
    let mut d = Driver::new();
    d.ready();
    d.say("one");
    d.key("f3");
    // The one that is loaded is there: nothing has to end for it.
    assert!(loads(&d.key("enter")).is_empty());
    assert!(d.app.overlay.is_none() && d.app.chat.is_busy());
    assert_eq!(d.app.toasts[0].text, "SmolLM2 135M Instruct is loaded");
    let other = LocalModel { reference: "other".into(), location: "/models/other.gguf".into(), ..starter() };
    d.hub(HubEvent::Local(Local { models: vec![other], ..Local::default() }));
    // It ends an answer, so it is asked first.
    assert_eq!(d.key("enter"), []);
    let effects = d.key("enter");
    assert_eq!(effects[0], Effect::Engine(EngineCmd::Cancel(GenId(1))));
    assert_eq!(loads(&effects), ["other"]);
}

#[test]
fn the_model_of_the_command_line_is_found_then_loaded() {
    let flags = vec![("model", Value::Text("starter".into()), "--model")];
    let mut d = Driver::with(flags, Capabilities { depth: ColourDepth::True, unicode: true });
    let begin = d.begin();
    assert!(begin.contains(&Effect::Hub(HubCmd::Resolve { id: LoadId(1), model: ModelRef::Starter })), "{begin:?}");
    let found = HubEvent::Resolved { id: LoadId(1), result: Box::new(Ok(starter())) };
    assert_eq!(loads(&d.hub(found)), ["starter"]);
}

#[test]
fn the_starter_of_the_command_line_is_fetched_where_it_is_missing() {
    let flags = vec![("model", Value::Text("starter".into()), "--model")];
    let mut d = Driver::with(flags, Capabilities { depth: ColourDepth::True, unicode: true });
    d.begin();
    let missing = UserError::new(ErrorKind::ModelNotFound, "the starter is not here");
    let effects = d.hub(HubEvent::Resolved { id: LoadId(1), result: Box::new(Err(missing)) });
    assert!(
        effects.contains(&Effect::Hub(HubCmd::Download { id: JobId(1), model: ModelRef::Starter, newest: false })),
        "{effects:?}"
    );
}

fn missing(name: &str) -> Box<Result<LocalModel, UserError>> {
    Box::new(Err(UserError::new(ErrorKind::ModelNotFound, format!("{name} is not here"))))
}

#[test]
fn a_model_that_is_not_found_is_called_as_it_was_asked_for() {
    let flags = vec![("model", Value::Text("org/gone".into()), "--model")];
    let mut d = Driver::with(flags, Capabilities { depth: ColourDepth::True, unicode: true });
    d.begin();
    d.hub(HubEvent::Resolved { id: LoadId(1), result: missing("org/gone") });
    assert!(matches!(&d.app.engine, EngineStatus::Failed { name, .. } if name == "org/gone"), "{:?}", d.app.engine);
    let again = d.say("Hello");
    assert!(again.contains(&Effect::Hub(HubCmd::Resolve {
        id: LoadId(2),
        model: ModelRef::parse("org/gone").expect("a model")
    })));
}

#[test]
fn the_model_that_is_loaded_answers_until_another_one_is_found() {
    let mut d = Driver::new();
    d.ready();
    let asked = d.say("/load org/gone");
    assert!(matches!(asked[..], [Effect::Hub(HubCmd::Resolve { id: LoadId(2), .. })]), "{asked:?}");
    assert!(matches!(d.app.engine, EngineStatus::Ready(_)));
    // Meant for the one that is looked for.
    assert_eq!(d.say("one"), []);
    assert_eq!(d.key("esc"), [], "it does not unload the one that is there");
    let effects = d.hub(HubEvent::Resolved { id: LoadId(2), result: missing("org/gone") });
    assert!(
        matches!(
            effects[..],
            [Effect::SetTimer { id: TimerId::Toast, .. }, Effect::Engine(EngineCmd::Generate { .. }), ..]
        ),
        "{effects:?}"
    );
    assert_eq!(d.app.toasts.back().map(|toast| &*toast.text), Some("org/gone is not here"));
    d.finish(1, FinishReason::Stop);

    d.say("/load nonsense:a:b");
    assert!(d.app.toasts.back().is_some_and(|toast| toast.kind == ToastKind::Error), "{:?}", d.app.toasts);
    assert!(matches!(d.app.engine, EngineStatus::Ready(_)));
    assert_eq!(loads(&d.key("f6")), ["starter"], "it can be loaded again");
    d.engine(EngineEvent::Loaded { id: LoadId(3), info: Box::new(info()) });

    d.say("/load org/model");
    assert_eq!(d.say("two"), []);
    let found = LocalModel { reference: "org/model".into(), ..starter() };
    let effects = d.hub(HubEvent::Resolved { id: LoadId(4), result: Box::new(Ok(found)) });
    assert_eq!(loads(&effects), ["org/model"]);
    assert_eq!(d.waiting(), ["two"], "it waits for that one");
}

#[test]
fn a_model_of_the_catalog_that_is_named_and_not_here_is_got_and_loaded() {
    let got = |effects: &[Effect]| match effects {
        [Effect::Hub(HubCmd::Download { model, newest: false, .. })] => model.to_string(),
        _ => panic!("{effects:?}"),
    };
    let mut d = Driver::new();
    d.ready();
    d.say("/load qwen3-4b");
    assert_eq!(d.hub(HubEvent::Resolved { id: LoadId(1), result: missing("old") }), []);
    let effects = d.hub(HubEvent::Resolved { id: LoadId(2), result: missing("qwen3-4b") });
    assert_eq!(got(&effects), "Qwen/Qwen3-4B-GGUF/Qwen3-4B-Q4_K_M.gguf");
    assert!(matches!(d.app.engine, EngineStatus::Ready(_)), "the one that is there answers meanwhile");
    let download = d.app.models.running().expect("it runs");
    assert_eq!((&*download.name, download.then_load), ("Qwen3 4B", ThenLoad::IfItFits));

    // Files of another size are asked for as in Find.
    let little = Machine { total: 5 << 30, available: 4 << 30, ..machine() };
    for (name, file) in [("qwen3-4b:q8_0", "Qwen3-4B-Q8_0.gguf"), ("qwen3-4b:F16", "Qwen/Qwen3-4B-GGUF:F16")] {
        let mut d = Driver::new();
        d.begin();
        d.send(Msg::Machine(little));
        d.say(&format!("/load {name}"));
        assert_eq!(d.hub(HubEvent::Resolved { id: LoadId(1), result: missing(name) }), []);
        assert_eq!(d.app.engine, EngineStatus::Empty);
        assert!(matches!(&d.app.overlay, Some(Overlay::Confirm(confirm)) if confirm.title.contains("too large")));
        assert!(got(&d.key("enter")).ends_with(file), "{name}");
    }
}

#[test]
fn a_model_of_the_catalog_is_got_only_where_somebody_names_it_now_and_it_can_be() {
    let told = |mut d: Driver, error: UserError| {
        let effects = d.hub(HubEvent::Resolved { id: LoadId(1), result: Box::new(Err(error)) });
        assert!(effects.iter().all(|effect| !matches!(effect, Effect::Hub(_))), "{effects:?}");
        assert!(matches!(&d.app.engine, EngineStatus::Failed { name, .. } if name == "qwen3-4b"), "{:?}", d.app.engine);
    };
    let depth = ColourDepth::True;
    let absent = || UserError::new(ErrorKind::ModelNotFound, "qwen3-4b is not here");
    let model = || ("model", Value::Text("qwen3-4b".into()), "--model");
    let mut at_the_start = Driver::with(vec![model()], Capabilities { depth, unicode: true });
    at_the_start.begin();
    told(at_the_start, absent());

    let named = |flags| {
        let mut d = Driver::with(flags, Capabilities { depth, unicode: true });
        d.begin();
        d.say("/load qwen3-4b");
        d
    };
    told(named(vec![("offline", Value::Bool(true), "--offline")]), absent());
    told(named(vec![]), UserError::new(ErrorKind::Disk, "the folder can't be read"));
}

#[test]
fn a_load_under_way_goes_on_while_another_model_is_looked_for() {
    let mut d = Driver::new();
    d.begin();
    d.hub(HubEvent::Local(Local { models: vec![starter()], ..Local::default() }));
    assert_eq!(loads(&d.key("enter")), ["starter"]);
    d.say("/load org/gone");
    d.engine(EngineEvent::Loaded { id: LoadId(1), info: Box::new(info()) });
    d.hub(HubEvent::Resolved { id: LoadId(2), result: missing("org/gone") });
    assert!(matches!(d.app.engine, EngineStatus::Ready(_)), "{:?}", d.app.engine);
    // Who unloads wants nothing that was only being looked for, either.
    d.say("/load org/model");
    d.say("/unload");
    assert_eq!(d.hub(HubEvent::Resolved { id: LoadId(3), result: Box::new(Ok(starter())) }), []);
    assert_eq!(d.app.engine, EngineStatus::Empty);
}

#[test]
fn a_download_can_be_cancelled_and_says_that_nothing_is_lost() {
    let mut d = Driver::new();
    d.begin();
    d.hub(HubEvent::Local(Local { models: vec![], ..Local::default() }));
    d.key("f3");
    d.key("S");
    assert_eq!(d.key("x"), [Effect::Hub(HubCmd::CancelDownload(JobId(1)))]);
    d.hub(HubEvent::Download { id: JobId(1), state: DownloadState::Cancelled });
    assert!(d.app.models.running().is_none());
    assert!(d.app.toasts.back().and_then(|t| t.hint.clone()).is_some_and(|h| h.contains("kept")));
}

#[test]
fn a_load_can_be_cancelled() {
    let mut d = Driver::new();
    d.begin();
    d.hub(HubEvent::Local(Local { models: vec![starter()], ..Local::default() }));
    d.key("f3");
    d.key("enter");
    assert_eq!(d.key("x").first(), Some(&Effect::Engine(EngineCmd::Unload)));
    assert!(d.app.toasts.back().is_some_and(|toast| toast.text.ends_with("was cancelled")));
    d.engine(EngineEvent::Unloaded { forgotten: true });
    assert_eq!(d.app.engine, EngineStatus::Empty);
    d.engine(EngineEvent::Loaded { id: LoadId(1), info: Box::new(info()) });
    assert_eq!(d.app.engine, EngineStatus::Empty);
}

#[test]
fn a_search_for_a_model_can_be_cancelled() {
    let flags = vec![("model", Value::Text("org/model".into()), "--model")];
    let mut d = Driver::with(flags, Capabilities { depth: ColourDepth::True, unicode: true });
    d.begin();
    d.key("f3");
    assert_eq!(d.key("x").first(), Some(&Effect::Engine(EngineCmd::Unload)));
    assert!(d.app.toasts.back().is_some_and(|toast| toast.text.ends_with("was cancelled")));
    assert_eq!(d.hub(HubEvent::Resolved { id: LoadId(1), result: Box::new(Ok(starter())) }), []);
    assert_eq!(d.app.engine, EngineStatus::Empty);
}

#[test]
fn unloading_keeps_what_waits_for_the_next_model() {
    let mut d = Driver::new();
    d.ready();
    d.say("one");
    d.say("two");
    d.key("f3");
    assert_eq!(d.key("u"), []);
    assert_eq!(d.key("enter"), [Effect::Engine(EngineCmd::Cancel(GenId(1))), Effect::Engine(EngineCmd::Unload)]);
    assert_eq!(d.finish(1, FinishReason::Cancelled), []);
    d.engine(EngineEvent::Unloaded { forgotten: true });
    assert_eq!(d.waiting(), ["two"]);
    // Loaded again while the word of the end is still on its way.
    assert_eq!(loads(&d.key("enter")), ["starter"]);
    d.engine(EngineEvent::Unloaded { forgotten: true });
    let effects = d.engine(EngineEvent::Loaded { id: LoadId(3), info: Box::new(info()) });
    assert!(
        matches!(effects.as_slice(), [Effect::Engine(EngineCmd::Generate { id: GenId(2), .. }), ..]),
        "{effects:?}"
    );
}

#[test]
fn a_changed_setting_is_written_once_it_has_settled() {
    let mut d = Driver::new();
    d.key("f4");
    d.app.settings_pane.go_to("sampling.temperature");
    assert_eq!(d.key("right"), [settle()]);
    assert_eq!(d.key("right"), [settle()]);
    assert_eq!(d.app.settings.sampling.temperature, Some(0.75));
    assert_eq!(d.app.origins.get("sampling.temperature"), Origin::Session);
    assert_eq!(saves(d.send(Msg::Timer(TimerId::SaveSettings))), [("sampling.temperature", Some(Value::Float(0.75)))]);
    assert_eq!(d.send(Msg::Timer(TimerId::SaveSettings)), []);
    d.key("r");
    assert_eq!(d.app.settings.sampling.temperature, None);
    assert_eq!(saves(d.send(Msg::Timer(TimerId::SaveSettings))), [("sampling.temperature", None)]);
}

#[test]
fn a_changed_setting_is_of_the_file_once_it_is_there() {
    let (temperature, top_p, model) = ("sampling.temperature", "sampling.top_p", "model");
    let mut d = Driver::new();
    d.app.origins.set(model, Origin::File { line: 1 });
    d.key("f4");
    let change = |d: &mut Driver, key| {
        d.app.settings_pane.go_to(key);
        d.key("right");
    };
    let origins = |d: &Driver| [temperature, top_p, model].map(|key| d.app.origins.get(key));
    change(&mut d, temperature);
    change(&mut d, top_p);
    d.send(Msg::Timer(TimerId::SaveSettings));
    // Changed again while it is written.
    change(&mut d, top_p);
    let error = UserError::new(ErrorKind::Disk, "full");
    d.send(Msg::Failed(error));
    assert_eq!(origins(&d), [Origin::Session, Origin::Session, Origin::File { line: 1 }]);
    let lines = vec![(model, 4), (temperature, 7), (top_p, 8)];
    assert_eq!(d.send(Msg::Saved { keys: vec![temperature, top_p], lines: lines.clone() }), []);
    assert_eq!(origins(&d), [Origin::File { line: 7 }, Origin::Session, Origin::File { line: 4 }]);
    assert_eq!(saves(d.send(Msg::Timer(TimerId::SaveSettings))).len(), 1);
    d.send(Msg::Saved { keys: vec![top_p], lines });
    assert_eq!(d.app.origins.get(top_p), Origin::File { line: 8 });
    // Nothing is left of it in the file.
    d.key("enter");
    d.key("ctrl-u");
    d.key("enter");
    assert_eq!(d.app.origins.get(top_p), Origin::Session);
    d.send(Msg::Timer(TimerId::SaveSettings));
    d.send(Msg::Saved { keys: vec![top_p], lines: vec![(model, 4), (temperature, 7)] });
    assert_eq!(d.app.origins.get(top_p), Origin::Default);
}

#[test]
fn a_step_goes_on_from_what_the_model_recommends() {
    let mut d = Driver::new();
    d.ready();
    let mut cool = info();
    cool.facts.recommended.temperature = Some(0.2);
    d.engine(EngineEvent::Loaded { id: LoadId(1), info: Box::new(cool) });
    d.key("f4");
    d.app.settings_pane.go_to("sampling.temperature");
    d.key("left");
    assert_eq!(d.app.settings.sampling.temperature, Some(0.15));
    d.key("r");
    d.key("right");
    assert_eq!(d.app.settings.sampling.temperature, Some(0.25));
}

#[test]
fn a_changed_context_acts_when_the_model_is_loaded_again() {
    let mut d = Driver::new();
    d.ready();
    d.key("f4");
    d.app.settings_pane.go_to("engine.context");
    d.key("right");
    assert!(d.app.needs_reload(d.app.settings_pane.chosen()));
    let effects = d.key("f6");
    let [Effect::Engine(EngineCmd::Load { id: LoadId(2), spec }), ..] = effects.as_slice() else {
        panic!("{effects:?}")
    };
    assert_eq!((spec.reference.as_str(), spec.settings.context), ("starter", 5120));
    d.engine(EngineEvent::Loaded { id: LoadId(2), info: Box::new(ModelInfo { context: 5120, ..info() }) });
    assert!(!d.app.needs_reload(d.app.settings_pane.chosen()));
    // Of what the model does not tell it is known what it was loaded with, and written down or not makes no difference.
    d.app.settings_pane.go_to("engine.device");
    d.key("right");
    d.send(Msg::Timer(TimerId::SaveSettings));
    assert!(d.app.needs_reload(d.app.settings_pane.chosen()));
    d.key("left");
    assert!(!d.app.needs_reload(d.app.settings_pane.chosen()));
}

#[test]
fn plain_characters_go_as_they_came() {
    let mut d = Driver::new();
    d.key("f4");
    d.app.settings_pane.go_to("ui.ascii");
    d.key("right");
    d.key("right");
    assert!(!d.app.theme.glyphs.unicode, "{:?}", d.app.settings.ui.ascii);
    d.key("r");
    assert!(d.app.theme.glyphs.unicode, "as the terminal tells by itself");
}

#[test]
fn themes_of_the_user_are_read_when_somebody_asks_for_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("written");
    write("mine.toml", "name = \"Mine\"\ninherits = \"nord\"\n");
    write("cut.toml", "name = ");
    let mut d = Driver::new();
    let read = |d: &mut Driver, effects: &[Effect]| {
        assert!(effects.contains(&Effect::ReadThemes(d.app.paths.themes_dir.clone())), "{effects:?}");
        d.app.update(Msg::Themes(Themes::with_user_dir(folder.path())), d.now);
    };
    let press = |d: &mut Driver, key: &str| d.app.update(Msg::Term(TermEvent::Key(key.parse().expect("a key"))), d.now);
    d.app.update(Msg::Term(TermEvent::Paste("/theme MINE".into())), d.now);
    d.app.update(Msg::Themes(Themes::builtin()), d.now);
    let effects = press(&mut d, "enter");
    assert_eq!(d.app.chat.composer.area.text(), "/theme MINE", "it is not known yet");
    read(&mut d, &effects);
    assert_eq!((d.app.theme.id.as_str(), d.app.chat.composer.area.text()), ("mine", ""));
    assert!(d.app.toasts.iter().any(|toast| toast.text.contains("cut.toml")), "{:?}", d.app.toasts);
}

#[test]
fn a_value_that_is_not_allowed_stays_in_the_field_with_the_reason() {
    let mut d = Driver::new();
    d.key("f4");
    d.app.settings_pane.go_to("sampling.temperature");
    d.key("enter");
    d.type_text("9");
    d.key("enter");
    let Some(Overlay::Value(editor)) = &d.app.overlay else { panic!("the field is still there") };
    assert_eq!(editor.area.text(), "9");
    assert!(editor.error.as_ref().is_some_and(|e| e.contains('2')), "{:?}", editor.error);
    d.key("backspace");
    d.type_text("0.2");
    assert_eq!(d.key("enter"), [settle()]);
    assert_eq!(d.app.settings.sampling.temperature, Some(0.2));
}

#[test]
fn what_is_typed_into_a_field_waits_behind_the_help_and_the_palette() {
    let mut d = Driver::new();
    d.key("f4");
    d.app.settings_pane.go_to("chat.system_prompt");
    d.key("enter");
    d.type_text("Be brief.");
    let typed = |d: &Driver| match &d.app.overlay {
        Some(Overlay::Value(editor)) => editor.area.text().to_owned(),
        other => panic!("{other:?}"),
    };
    d.key("f1");
    assert!(matches!(d.app.overlay, Some(Overlay::Help { .. })));
    d.key("ctrl-p");
    assert!(matches!(d.app.overlay, Some(Overlay::Palette(_))));
    d.key("esc");
    assert_eq!(typed(&d), "Be brief.");
    // What is chosen there is done, and what it opens stands in front as well.
    d.key("ctrl-p");
    d.type_text("choose a theme");
    d.key("enter");
    assert!(matches!(d.app.overlay, Some(Overlay::Themes { .. })), "{:?}", d.app.overlay);
    d.key("esc");
    assert_eq!(typed(&d), "Be brief.");
    d.key("esc");
    assert!(d.app.overlay.is_none());
}

#[test]
fn quitting_writes_what_has_not_settled() {
    let mut d = Driver::new();
    d.key("f4");
    d.app.settings_pane.go_to("chat.show_reasoning");
    d.key("right");
    let effects = d.key("ctrl-q");
    assert_eq!(effects.last(), Some(&Effect::Quit));
    assert_eq!(saves(effects), [("chat.show_reasoning", Some(Value::Bool(true)))]);
}

#[test]
fn a_theme_is_previewed_taken_back_and_taken() {
    let mut d = Driver::new();
    let before = d.app.theme.id.clone();
    d.type_text("/theme");
    d.key("enter");
    d.key("down");
    let preview = d.app.theme.id.clone();
    assert_ne!(preview, before);
    d.key("esc");
    assert_eq!(d.app.theme.id, before);
    d.type_text("/theme");
    d.key("enter");
    for c in "nord".chars() {
        d.key(&c.to_string());
    }
    assert_eq!(d.key("enter"), [settle()]);
    assert_eq!((d.app.theme.id.as_str(), d.app.settings.ui.theme.as_str()), ("nord", "nord"));
}

#[test]
fn the_palette_finds_actions_models_and_settings() {
    let mut d = Driver::new();
    d.ready();
    let pick = |d: &mut Driver, text: &str| {
        d.key("ctrl-p");
        d.type_text(text);
        d.key("enter")
    };
    assert_eq!(loads(&pick(&mut d, "load starter")), ["starter"]);
    assert_eq!(pick(&mut d, "repetition"), []);
    assert_eq!(d.app.pane, Pane::Settings);
    assert_eq!(d.app.settings_pane.chosen().key, "sampling.repetition_penalty");
    pick(&mut d, "go to chat");
    assert_eq!(d.app.pane, Pane::Chat);
    d.key("ctrl-p");
    d.type_text("qqqqzzzz");
    assert_eq!(d.key("enter"), []);
    assert!(d.app.overlay.is_none());
}

#[test]
fn the_help_lists_keys_where_they_hold_and_begins_where_one_is() {
    let mut d = Driver::new();
    d.ready();
    let keys = |d: &Driver, place: Context, action: Action| {
        let all = d.app.keys_by_context().into_iter().find(|(context, _)| *context == place).expect("a section").1;
        all.into_iter().find(|(listed, _)| *listed == action).map(|(_, keys)| keys.join(" "))
    };
    assert_eq!(keys(&d, Context::Global, Action::Help).as_deref(), Some("F1"));
    assert_eq!(keys(&d, Context::Global, Action::Reload).as_deref(), Some("F6"));
    assert_eq!(keys(&d, Context::Settings, Action::Help).as_deref(), Some("?"));
    assert_eq!(keys(&d, Context::Models, Action::Reload).as_deref(), Some("R"));
    for (key, first) in [("f2", Context::Global), ("f3", Context::Models), ("f4", Context::Settings)] {
        d.key(key);
        assert_eq!(d.app.keys_by_context()[0].0, first);
    }
}

#[test]
fn toasts_go_by_themselves() {
    let mut d = Driver::new();
    let effects = d.send(Msg::Failed(UserError::new(ErrorKind::Disk, "config.toml can't be written")));
    let [Effect::SetTimer { id: TimerId::Toast, after }] = effects.as_slice() else { panic!("{effects:?}") };
    let after = *after;
    assert_eq!(d.app.toasts.len(), 1);
    d.pass(after);
    assert_eq!(d.send(Msg::Timer(TimerId::Toast)), []);
    assert_eq!(d.app.toasts.len(), 0);
}

#[test]
fn problems_of_the_settings_are_told_and_those_without_room_are_counted() {
    let problems = |n: usize| (0..n).map(|i| UserError::new(ErrorKind::Config, format!("problem {i}"))).collect();
    for (n, told) in [
        (3, ["problem 0", "problem 1", "problem 2"]),
        (5, ["problem 0", "problem 1", "There are 3 more problems in the settings"]),
    ] {
        let mut d = Driver::with_problems(problems(n));
        d.begin();
        assert_eq!(d.app.toasts.iter().map(|toast| toast.text.as_str()).collect::<Vec<_>>(), told);
    }
}
