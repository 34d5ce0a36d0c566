//! Another answer to the same message: with another model, with other settings, two side by side; and other ways to go on
//! from one place.

use std::time::Instant;

use super::held::capitalised;
use crate::app::chat::{By, Wish};
use crate::app::compare::{Compare, Side};
use crate::app::msg::Effect;
use crate::app::picker::{Picker, Row, Target};
use crate::app::update::chat::BUSY;
use crate::app::{App, Confirmed, EngineStatus, Overlay, ToastKind};
use crate::config::{assign, nearest, read_assignments};
use crate::domain::action::Action;
use crate::domain::conversation::{Branch, Message};
use crate::domain::model::LocalModel;
use crate::domain::store::{Change, StoreCmd, first_words, title_of};
use crate::domain::units::{bytes, many};
use crate::domain::{MsgId, Role};

/// Characters of a message that a row shows.
const LABEL: usize = 60;

impl App {
    /// Why the newest answer can't be made again now; said to the person.
    fn nothing_to_answer_again(&mut self, now: Instant) -> bool {
        let why = if self.chat.is_busy() {
            BUSY
        } else if self.chat.conversation.head().is_none_or(|head| head.role != Role::Assistant) {
            "There is no answer to make again"
        } else {
            return false;
        };
        self.toast(ToastKind::Note, why, None, now);
        true
    }

    /// The models here that could answer instead of the one that is loaded.
    fn other_models(&self) -> impl Iterator<Item = &LocalModel> {
        let loaded = self.model().map(|info| info.reference.as_str());
        self.models.models().iter().filter(move |model| model.facts.is_ok() && Some(model.reference.as_str()) != loaded)
    }

    /// The model on this machine that a person calls so: by its name, or by a part that is of no other one.
    pub(super) fn find_called(&self, name: &str) -> Option<&LocalModel> {
        let lower = name.trim().to_lowercase();
        let is =
            |model: &&LocalModel| [&model.reference, &model.name].iter().any(|known| known.to_lowercase() == lower);
        let mut holding = self.usable().filter(|model| {
            model.reference.to_lowercase().contains(&lower) || model.name.to_lowercase().contains(&lower)
        });
        let only = holding.next().filter(|_| holding.next().is_none());
        self.usable().find(is).or(only)
    }

    fn usable(&self) -> impl Iterator<Item = &LocalModel> {
        self.models.models().iter().filter(|model| model.facts.is_ok())
    }

    /// The same. Says so where there is none.
    pub(super) fn model_called(&mut self, name: &str, now: Instant) -> Option<LocalModel> {
        let name = name.trim();
        if let Some(model) = self.find_called(name) {
            return Some(model.clone());
        }
        let near = nearest(name, self.usable().flat_map(|model| [model.name.as_str(), model.reference.as_str()]));
        let hint = match near {
            Some(near) => format!("did you mean {near}?"),
            None => format!("{} shows what is here, and what can be fetched", self.key(Action::ShowModels)),
        };
        self.toast(ToastKind::Warning, format!("There is no model {name} on this machine"), Some(hint), now);
        None
    }

    /// Another model, or the same one with more or less freedom.
    pub(super) fn choose_retry(&mut self, now: Instant) {
        if self.nothing_to_answer_again(now) {
            return;
        }
        let here = self.settings_here();
        let temperature = here.sampling.temperature;
        let mut rows = vec![Row::new("As before", &self.key(Action::Retry), Target::Action(Action::Retry))];
        let by = |label: &str, value: &str| Row::new(label, value, Target::Retry(value.to_owned()));
        for (label, degree, value) in [
            ("Always the most likely word", 0.0, "temperature=0"),
            ("More strictly", 0.3, "temperature=0.3"),
            ("More freely", 1.0, "temperature=1"),
            ("Much more freely", 1.4, "temperature=1.4"),
        ] {
            if temperature.is_none_or(|now: f64| (now - degree).abs() > 0.01) {
                rows.push(by(label, value));
            }
        }
        if self.thinking().is_some() {
            rows.push(by("With reasoning", "thinking=on"));
            rows.push(by("Without reasoning", "thinking=off"));
        }
        rows.extend(self.other_models().map(|model| Row {
            kind: "by",
            ..Row::new(&model.name, &bytes(model.bytes), Target::Retry(model.reference.clone()))
        }));
        self.open(Overlay::Palette(Picker::new("Answer again", rows)));
    }

    /// `MODEL`, or `temperature=0.2`. False where it is neither.
    pub(super) fn retry_with(&mut self, argument: &str, now: Instant) -> bool {
        if self.nothing_to_answer_again(now) {
            return true;
        }
        if !argument.contains('=') {
            let Some(model) = self.model_called(argument, now) else { return false };
            match self.too_large(&model) {
                Some(_) => self.ask_whether_too_large(model, Confirmed::Retry, now),
                None => self.answer_again_by(&model, now),
            }
            return true;
        }
        match read_assignments(argument) {
            Ok(assignments) if assignments.iter().any(|(spec, _)| spec.key == "model") => {
                let hint = format!("`/{} NAME` answers with another model", Action::Retry.name());
                self.toast(ToastKind::Warning, "A model is not one of the settings here", Some(hint), now);
                false
            }
            Ok(assignments) if self.model().is_some() => {
                let mut once = self.chat.own.clone().unwrap_or_else(|| self.settings.setup());
                assign(&mut once, &self.settings, &assignments);
                self.chat.once = Some(Box::new(once));
                self.ask(Wish::Again, By::Key, now);
                true
            }
            Ok(_) => {
                self.retry(now);
                true
            }
            Err((what, hint)) => {
                self.toast(ToastKind::Warning, capitalised(&what), Some(hint), now);
                false
            }
        }
    }

    fn ask_whether_too_large(
        &mut self,
        model: LocalModel,
        then: impl FnOnce(Box<LocalModel>) -> Confirmed,
        now: Instant,
    ) {
        self.load_if_it_fits(&model, now);
        // The same question, and something else to do after it.
        if let Some(Overlay::Confirm(confirm)) = &mut self.overlay {
            confirm.then = then(Box::new(model));
        }
    }

    /// The conversation goes on with this model, from another answer to the last message.
    pub(super) fn answer_again_by(&mut self, model: &LocalModel, now: Instant) {
        let reference = model.reference.clone();
        let is_loaded = self.model().is_some_and(|info| info.reference == reference);
        self.hold_with(|own| own.model = Some(reference));
        self.chat.model_since = self.load;
        if is_loaded {
            self.ask(Wish::Again, By::Key, now);
        } else {
            self.chat.held = false;
            self.chat.pending = Some(Wish::Again);
            self.load(model, now);
        }
    }

    /// What the newest answer can be compared with: other answers that are there, and models that could make one.
    pub(super) fn choose_compare(&mut self, now: Instant) {
        if self.nothing_to_answer_again(now) {
            return;
        }
        let Some(head) = self.chat.conversation.head() else { return };
        let label = |message: &Message| first_words(&message.content, LABEL);
        let mut rows: Vec<Row> = self
            .other_answers(head.id)
            .map(|message| {
                let name = message.model.as_deref().unwrap_or_default();
                Row { kind: "with", ..Row::new(&label(message), name, Target::CompareWith(message.id)) }
            })
            .collect();
        let models = self.models.models().iter().filter(|model| model.facts.is_ok());
        rows.extend(models.map(|model| Row {
            kind: "by",
            ..Row::new(&model.name, &bytes(model.bytes), Target::Compare(model.reference.clone()))
        }));
        if rows.is_empty() {
            let hint = format!("{} shows what can be fetched", self.key(Action::ShowModels));
            return self.toast(ToastKind::Note, "There is nothing to compare it with", Some(hint), now);
        }
        self.open(Overlay::Palette(Picker::new("Compare the answer with one", rows)));
    }

    /// Answers that stand in the place of this one, the newest first.
    fn other_answers(&self, answer: MsgId) -> impl Iterator<Item = &Message> {
        let conversation = &self.chat.conversation;
        let question = conversation.get(answer).and_then(|message| message.parent);
        conversation.messages().iter().rev().filter(move |message| {
            let stands_there = message.parent == question && message.role == Role::Assistant;
            stands_there && message.id != answer && !message.content.trim().is_empty()
        })
    }

    /// Has the last message answered by another model as well. False where there is none that is called so.
    pub(super) fn compare(&mut self, name: &str, now: Instant) -> bool {
        if self.nothing_to_answer_again(now) {
            return true;
        }
        let Some(model) = self.model_called(name, now) else { return false };
        match self.too_large(&model) {
            Some(_) => self.ask_whether_too_large(model, Confirmed::Compare, now),
            None => self.compare_by(&model, now),
        }
        true
    }

    pub(super) fn compare_by(&mut self, model: &LocalModel, now: Instant) {
        let Some(head) = self.chat.conversation.head().map(|head| head.id) else { return };
        let right = Side { follows: true, ..Side::new(None, Some(model.reference.clone()), model.name.clone()) };
        self.open_compare(head, right);
        self.answer_again_by(model, now);
    }

    /// Shows it beside an answer that is there already.
    pub(super) fn compare_with(&mut self, other: MsgId) {
        let Some(head) = self.chat.conversation.head().map(|head| head.id) else { return };
        let side = self.side_of(other);
        self.open_compare(head, side);
    }

    fn side_of(&self, message: MsgId) -> Side {
        let name = self.chat.conversation.get(message).and_then(|message| message.model.clone()).unwrap_or_default();
        let loaded = self.model().filter(|info| info.name == name).map(|info| info.reference.clone());
        let here = || self.models.models().iter().find(|model| model.name == name).map(|model| model.reference.clone());
        let model = loaded.or_else(here);
        Side::new(Some(message), model, name)
    }

    fn open_compare(&mut self, head: MsgId, right: Side) {
        let question = self.chat.conversation.branch().rfind(|message| message.role == Role::User);
        let question = question.map(|message| message.content.clone()).unwrap_or_default();
        let left = self.side_of(head);
        self.open(Overlay::Compare(Box::new(Compare::new(question, [left, right]))));
    }

    /// The other answer has its place now.
    pub(super) fn compare_begun(&mut self) {
        let answer = self.chat.running.as_ref().map(|running| running.answer);
        if let Some(Overlay::Compare(compare)) = &mut self.overlay
            && compare.sides[1].message.is_none()
        {
            compare.sides[1].message = answer;
        }
    }

    /// Stops what is being made of the other answer. False where nothing is.
    pub(super) fn stop_compared(&mut self, now: Instant) -> bool {
        if self.chat.is_busy() {
            self.stop();
            return true;
        }
        let waits = self.chat.pending.take().is_some();
        if waits && matches!(self.engine, EngineStatus::Loading { .. }) {
            self.cancel_load(now);
        }
        false
    }

    /// The conversation goes on from this answer, with the model that made it.
    pub(super) fn take_side(&mut self, compare: &Compare, which: usize, now: Instant) {
        let (side, other) = (&compare.sides[which], &compare.sides[1 - which]);
        let is_there = |id: &MsgId| self.chat.conversation.get(*id).is_some_and(|message| !message.deleted);
        let Some(message) = side.message.filter(is_there) else {
            return self.take_side(compare, 1 - which, now);
        };
        let makes_other = self.chat.running.as_ref().is_some_and(|running| Some(running.answer) == other.message);
        if makes_other || other.message.is_none() {
            self.chat.pending = None;
            self.end_answer(now);
        }
        self.chat.conversation.go_through(message);
        self.chat.transcript.to_bottom();
        if let Some(model) = side.model.clone() {
            self.hold_with(|own| own.model = Some(model));
            self.chat.model_since = self.load;
        }
    }

    /// Goes on from here in a conversation of its own.
    pub(super) fn fork(&mut self, now: Instant) {
        if self.chat.is_busy() {
            return self.toast(ToastKind::Note, BUSY, None, now);
        }
        let Some(until) = self.place_looked_at().and_then(|place| self.chat.conversation.at(place)).map(|m| m.id)
        else {
            return self.toast(ToastKind::Note, "There is nothing to go on from", None, now);
        };
        let fork = self.chat.conversation.fork(until);
        let own = self.chat.own.clone();
        let messages = fork.len();
        let question = fork.branch().find(|message| message.role == Role::User);
        let begins = question.map(|message| title_of(&message.content)).unwrap_or_default();
        let before = Some(self.saved.listed.title.clone()).filter(|title| !title.is_empty()).unwrap_or(begins);
        self.begin_conversation(now);
        self.chat.conversation = fork;
        self.keep();
        if !before.is_empty() && !self.saved.off {
            // Two of one name could not be told apart.
            let title = format!("{before} (fork)");
            self.saved.listed.title.clone_from(&title);
            let (id, changes) = (self.saved.id, vec![Change::Title(Some(title))]);
            self.emit(Effect::Store(StoreCmd::Keep { id, changes }));
        }
        if let Some(own) = own {
            self.hold_with(|here| *here = own);
            self.chat.model_since = self.load;
        }
        let hint = match before.as_str() {
            "" => format!("the other one is in {}", self.key(Action::Conversations)),
            title => format!("“{title}” is as it was, in {}", self.key(Action::Conversations)),
        };
        let text = format!("This is a new conversation with the first {}", many(messages, "message"));
        self.toast(ToastKind::Note, text, Some(hint), now);
    }

    /// All branches, to go to one.
    pub(super) fn show_branches(&mut self, now: Instant) {
        if self.chat.is_busy() {
            return self.toast(ToastKind::Note, BUSY, None, now);
        }
        let branches = self.chat.conversation.branches();
        if branches.len() < 2 {
            let hint = format!(
                "{} answers again, {} writes a message again",
                self.key(Action::Retry),
                self.key(Action::EditMessage)
            );
            return self.toast(ToastKind::Note, "This conversation has one branch", Some(hint), now);
        }
        let rows = branches.iter().map(|branch| self.branch_row(branch)).collect();
        let picker = Picker::new("Branches of this conversation", rows).at(|row| row.kind == "here");
        self.open(Overlay::Palette(picker));
    }

    fn branch_row(&self, branch: &Branch) -> Row {
        let Branch { head, parts_with, own, messages } = *branch;
        let get = |id: Option<MsgId>| id.and_then(|id| self.chat.conversation.get(id));
        let said = |message: &Message, most: usize| {
            let who = match message.role {
                Role::Assistant => message.model.as_deref().unwrap_or("answer"),
                Role::User | Role::System => "you",
            };
            format!("{who}: {}", first_words(&message.content, most))
        };
        let label = match (get(parts_with), get(own.filter(|id| Some(*id) != parts_with))) {
            // Others may part with what is on the screen at the same message.
            (Some(parts), Some(own)) => {
                let ellipsis = self.theme.glyphs.ellipsis;
                format!("{ellipsis} {} {} {}", said(own, LABEL / 2), self.theme.glyphs.dot, said(parts, LABEL / 2))
            }
            (Some(parts), None) => said(parts, LABEL),
            (None, _) => get(Some(head)).map(|m| first_words(&m.content, LABEL)).unwrap_or_default(),
        };
        let kind = if parts_with.is_none() { "here" } else { "" };
        Row { kind, ..Row::new(&label, &many(messages, "message"), Target::Branch(head)) }
    }

    pub(super) fn go_to_branch(&mut self, head: MsgId) {
        self.leave_editing();
        self.chat.conversation.go_to(head);
        self.chat.transcript.to_bottom();
    }
}
