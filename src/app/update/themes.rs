//! Themes: choosing one with a preview, and by its name. The user's own are read outside, whenever somebody asks for one.

use std::time::Instant;

use crate::app::msg::Effect;
use crate::app::picker::{Picker, Row, Target};
use crate::app::{App, Overlay, ToastKind};
use crate::config::theme::Themes;
use crate::config::{Value, nearest};
use crate::domain::action::Action;

/// What the themes are read for.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::app) enum ThemesFor {
    /// Their names are offered to who writes one.
    Offers,
    /// Somebody wants to choose.
    Choice,
    /// Somebody has written what one is called.
    Name(String),
    /// The theme of this id is to be seen.
    Look(String),
}

impl App {
    pub(super) fn ask_for_themes(&mut self, what: ThemesFor) {
        if self.themes_wanted.is_empty() {
            self.emit(Effect::ReadThemes(self.paths.themes_dir.clone()));
        }
        if !self.themes_wanted.contains(&what) {
            self.themes_wanted.push(what);
        }
    }

    pub(super) fn on_themes(&mut self, themes: Themes, now: Instant) {
        let problems = themes.problems().to_vec();
        self.themes = Some(themes);
        for what in std::mem::take(&mut self.themes_wanted) {
            if matches!(what, ThemesFor::Choice | ThemesFor::Name(_)) {
                for problem in &problems {
                    self.toast_error(problem, now);
                }
            }
            match what {
                ThemesFor::Offers => self.chat.composer.completion.look_again(),
                ThemesFor::Choice => self.choose_theme(),
                ThemesFor::Name(name) => self.set_theme_called(&name, now),
                ThemesFor::Look(id) => self.show_theme(&id),
            }
        }
    }

    /// Ids and names; `None` until they are read.
    pub(super) fn theme_names(&mut self) -> Option<Vec<(String, String)>> {
        let Some(themes) = &self.themes else {
            self.ask_for_themes(ThemesFor::Offers);
            return None;
        };
        Some(themes.list().into_iter().map(|theme| (theme.id, theme.name)).collect())
    }

    pub(super) fn open_themes(&mut self) {
        self.ask_for_themes(ThemesFor::Choice);
    }

    fn choose_theme(&mut self) {
        // Else something was opened meanwhile.
        if !self.set_field_aside() {
            return;
        }
        let before = self.theme.id.clone();
        let rows = self.themes.iter().flat_map(Themes::list).map(|theme| Row {
            kind: "",
            label: theme.name,
            detail: theme.id.clone(),
            target: Target::Theme(theme.id),
        });
        let picker = Picker::new("Theme", rows.collect()).at(|row| row.detail == before);
        self.open(Overlay::Themes { picker, before });
    }

    pub(super) fn preview_theme(&mut self) {
        if let Some(Overlay::Themes { picker, .. }) = &self.overlay
            && let Some(Row { target: Target::Theme(id), .. }) = picker.chosen()
        {
            let id = id.clone();
            self.show_theme(&id);
        }
    }

    pub(super) fn show_theme(&mut self, id: &str) {
        match &self.themes {
            Some(themes) => {
                if let Ok(theme) = themes.get(id) {
                    self.theme = theme.fit(self.capabilities.with_ascii(self.settings.ui.ascii));
                }
            }
            None => self.ask_for_themes(ThemesFor::Look(id.to_owned())),
        }
    }

    /// By its id or its name. What was written stays where there is none that is called so.
    fn set_theme_called(&mut self, name: &str, now: Instant) {
        let all = self.themes.as_ref().map(Themes::list).unwrap_or_default();
        let found =
            all.iter().find(|theme| [&theme.id, &theme.name].iter().any(|known| known.eq_ignore_ascii_case(name)));
        if let Some(theme) = found {
            self.set_theme(theme.id.clone());
            if self.chat.composer.call() == Some((Action::Theme, name)) {
                self.chat.composer.take_out();
            }
            return;
        }
        let near = nearest(name, all.iter().map(|theme| theme.id.as_str()));
        let hint = near.map_or_else(|| "`/theme` shows them all".to_owned(), |near| format!("did you mean {near}?"));
        self.toast(ToastKind::Warning, format!("There is no theme {name}"), Some(hint), now);
    }

    pub(super) fn set_theme(&mut self, id: String) {
        self.show_theme(&id);
        if let Some(spec) = crate::config::spec("ui.theme") {
            self.change(spec, Value::Text(id));
        }
    }
}
