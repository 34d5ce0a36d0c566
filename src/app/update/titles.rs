//! Conversations by their titles: `/conversations TITLE` goes to one, `/rename TITLE` gives another.

use std::time::Instant;

use crate::app::msg::Effect;
use crate::app::{App, ToastKind};
use crate::domain::AskId;
use crate::domain::store::{Called, Change, StoreCmd, Summary, Which, called};
use crate::domain::units::ago;
use crate::text::sanitize;

/// The titles of all conversations, while one is being written.
#[derive(Debug, Default)]
pub(in crate::app) enum Titles {
    #[default]
    Unknown,
    Asked {
        ask: AskId,
        /// Somebody who types faster than the disk is read wants to go there.
        then: Option<String>,
    },
    Known(Vec<Summary>),
}

impl App {
    /// Titles that may follow `/conversations`, each with how long ago something was said there. The store is asked first.
    pub(super) fn titles(&mut self) -> Vec<(String, String)> {
        if matches!(self.titles, Titles::Unknown) && !self.saved.off {
            let ask = self.saved.next_ask();
            self.titles = Titles::Asked { ask, then: None };
            self.emit(Effect::Store(StoreCmd::List { ask, archived: false }));
        }
        let Titles::Known(all) = &self.titles else { return Vec::new() };
        // The one on the screen is nowhere to go to, and without a title nobody would know which one it is.
        let others = all.iter().filter(|summary| summary.id != self.saved.id && !summary.title.is_empty());
        others.map(|summary| (one_line(&summary.title), ago(summary.age))).collect()
    }

    /// True where they were what the list was asked for.
    pub(super) fn titles_are_told(&mut self, ask: AskId, all: &[Summary], now: Instant) -> bool {
        let Titles::Asked { ask: asked, then } = &mut self.titles else { return false };
        if *asked != ask {
            return false;
        }
        let then = then.take();
        self.titles = Titles::Known(all.to_vec());
        self.chat.composer.completion.look_again();
        if let Some(title) = then {
            self.open_called(&title, now);
        }
        true
    }

    /// Nobody writes one any more: next time they are asked for anew.
    pub(super) fn forget_titles(&mut self) {
        if !matches!(self.titles, Titles::Asked { then: Some(_), .. }) {
            self.titles = Titles::Unknown;
        }
    }

    /// To the conversation of this title, where it is the only one. Else the list says which there are.
    pub(super) fn open_called(&mut self, title: &str, now: Instant) {
        let all = match &mut self.titles {
            Titles::Asked { then, .. } => {
                *then = Some(title.to_owned());
                return;
            }
            Titles::Known(all) => all.as_slice(),
            Titles::Unknown => &[],
        };
        let shown: Vec<_> = all.iter().map(|summary| (summary.id, one_line(&summary.title))).collect();
        match called(title, shown.iter().map(|(id, title)| (*id, title.as_str()))) {
            Called::One(id) if id == self.saved.id => {
                self.toast(ToastKind::Note, "This conversation is on the screen", None, now);
            }
            Called::One(id) => self.go_to_conversation(Which::Id(id), None),
            Called::Several(_) | Called::Nobody => {
                self.open_list(now);
                self.typed_in_list(|query| {
                    query.set(title);
                    true
                });
            }
        }
    }

    /// Gives the conversation on the screen another title. False where it is not one yet.
    pub(super) fn rename_to(&mut self, title: &str, now: Instant) -> bool {
        if self.saved.off || self.chat.conversation.is_empty() {
            self.toast(ToastKind::Note, "There is no conversation yet that could have a title", None, now);
            return false;
        }
        let title = one_line(title);
        self.saved.listed.title.clone_from(&title);
        self.emit(Effect::Store(StoreCmd::Keep {
            id: self.saved.id,
            changes: vec![Change::Title(Some(title.clone()))],
        }));
        self.toast(ToastKind::Note, format!("It is “{title}” now"), None, now);
        true
    }
}

/// A title as it can be written: others may have made it.
fn one_line(title: &str) -> String {
    sanitize(title).split_whitespace().collect::<Vec<_>>().join(" ")
}
