//! Keys as data: what a chord is called, what it does in which context, and who does what the other way round.
//!
//! Overrides come from the config file: `[keys.chat]` holds `"ctrl-r" = "retry"`, and `"ctrl-r" = "none"` takes a key away.
//! Where an action may be bound: what is at home in [`Context::Global`] anywhere; an action of lists in `list`, `models` and
//! `settings`; an action of text in `edit` and `chat`; one of the Chat pane in `reading` and `finding`; every other one in its own
//! context only.

mod chord;
mod defaults;
mod overrides;
mod sequence;

pub use chord::{Key, KeyChord};
pub use sequence::KeySequence;

use toml_edit::Item;

use crate::config::file::Source;
use crate::domain::action::{Action, Context};
use crate::error::UserError;

/// An action and its keys in one context, the one to show first.
pub type ActionKeys = (Action, Vec<KeySequence>);

/// One key of the map.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Binding {
    context: Context,
    keys: KeySequence,
    action: Action,
}

/// What every key does in every context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyMap {
    /// The user's first, so that hints show theirs; no keys twice in a context.
    bindings: Vec<Binding>,
}

impl Default for KeyMap {
    fn default() -> Self {
        let mut bindings = Vec::with_capacity(128);
        for (context, action, keys) in defaults::DEFAULTS {
            for key in *keys {
                // A test reads every one of them.
                if let Ok(keys) = key.parse() {
                    bindings.push(Binding { context: *context, keys, action: *action });
                }
            }
        }
        Self { bindings }
    }
}

impl KeyMap {
    /// The defaults with the config file's `[keys]` over them; what is refused goes to `problems`.
    pub(super) fn with_overrides(
        source: &Source,
        key: Option<&toml_edit::Key>,
        keys: &Item,
        problems: &mut Vec<UserError>,
    ) -> Self {
        overrides::apply(&Self::default(), source, key, keys, problems)
    }

    /// What a chord does, by the innermost of `contexts` (given innermost first) that knows it. Where text is edited, a
    /// character is text, whatever other contexts say.
    #[must_use]
    pub fn resolve(&self, contexts: &[Context], chord: KeyChord) -> Option<Action> {
        self.resolve_all(contexts, chord).next()
    }

    /// As [`KeyMap::resolve`], with the answers of the outer contexts after it: for an action that has nothing to do where
    /// it was found, as [`Action::Complete`] without a suggestion, the next one is meant.
    pub fn resolve_all(&self, contexts: &[Context], chord: KeyChord) -> impl Iterator<Item = Action> {
        let chord = chord.normal();
        let is_typed = chord.is_text() && contexts.contains(&Context::Edit);
        let contexts = if is_typed { &[] } else { contexts };
        contexts.iter().filter_map(move |context| self.get(*context, chord))
    }

    /// The keys of an action, the one to show first; each once, however many contexts have it.
    #[must_use]
    pub fn keys_for(&self, action: Action) -> Vec<KeySequence> {
        let mut keys = Vec::new();
        for binding in self.bindings.iter().filter(|binding| binding.action == action) {
            if !keys.contains(&binding.keys) {
                keys.push(binding.keys.clone());
            }
        }
        keys
    }

    /// What several presses do in a context.
    #[must_use]
    pub fn sequence(&self, context: Context, pressed: &[KeyChord]) -> Option<Action> {
        let is_it = |binding: &&Binding| binding.context == context && binding.keys.chords() == pressed;
        self.bindings.iter().find(is_it).map(|binding| binding.action)
    }

    /// What can follow these presses: the next one and what it does, or `None` where that is not all of it. The innermost
    /// context that knows a key has it, as everywhere; in the order in which they are bound.
    #[must_use]
    pub fn next_keys(&self, contexts: &[Context], pressed: &[KeyChord]) -> Vec<(KeyChord, Option<Action>)> {
        let mut next: Vec<(KeyChord, Option<Action>)> = Vec::new();
        for context in contexts {
            for binding in self.bindings.iter().filter(|binding| binding.context == *context) {
                let Some([key, more @ ..]) = binding.keys.after(pressed) else { continue };
                if !next.iter().any(|(known, _)| known == key) {
                    next.push((*key, more.is_empty().then_some(binding.action)));
                }
            }
        }
        next
    }

    /// Some keys of the context begin with these presses and go on.
    #[must_use]
    pub fn goes_on(&self, context: Context, pressed: &[KeyChord]) -> bool {
        self.bindings.iter().any(|binding| binding.context == context && binding.keys.after(pressed).is_some())
    }

    /// Every context that has keys, with its actions in their order and their keys, for the help.
    #[must_use]
    pub fn bindings(&self) -> Vec<(Context, Vec<ActionKeys>)> {
        Context::ALL
            .into_iter()
            .map(|context| {
                let actions = Action::ALL.iter().filter_map(|action| {
                    let here = |binding: &&Binding| binding.context == context && binding.action == *action;
                    let keys: Vec<KeySequence> =
                        self.bindings.iter().filter(here).map(|binding| binding.keys.clone()).collect();
                    (!keys.is_empty()).then_some((*action, keys))
                });
                (context, actions.collect::<Vec<_>>())
            })
            .filter(|(_, actions)| !actions.is_empty())
            .collect()
    }

    fn get(&self, context: Context, chord: KeyChord) -> Option<Action> {
        self.sequence(context, &[chord])
    }

    /// Some key does this in every context.
    fn is_reachable(&self, action: Action) -> bool {
        self.bindings.iter().any(|binding| {
            binding.context == Context::Global
                && binding.action == action
                && self.bindings.iter().all(|other| other.keys != binding.keys || other.action == action)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chord(text: &str) -> KeyChord {
        text.parse().expect("a key")
    }

    const CHAT: [Context; 3] = [Context::Edit, Context::Chat, Context::Global];

    #[test]
    fn every_default_key_is_read_and_stands_once_in_its_context() {
        let map = KeyMap::default();
        assert_eq!(map.bindings.len(), defaults::DEFAULTS.iter().map(|(_, _, keys)| keys.len()).sum::<usize>());
        for (index, binding) in map.bindings.iter().enumerate() {
            for other in &map.bindings[index + 1..] {
                assert!(
                    binding.context != other.context || binding.keys != other.keys,
                    "{} has {} twice",
                    binding.context.name(),
                    binding.keys
                );
                let hides = |one: &Binding, of: &Binding| of.keys.after(one.keys.chords()).is_some();
                assert!(
                    binding.context != other.context || !(hides(binding, other) || hides(other, binding)),
                    "{} and {} begin alike",
                    binding.keys,
                    other.keys
                );
            }
        }
    }

    #[test]
    fn every_action_has_a_key_where_it_may_have_one() {
        let map = KeyMap::default();
        // Done once in a while, and quickly found: `/schema`, and `/send-all`, which the transcript names.
        let by_name = |action: &Action| {
            matches!(
                action,
                Action::AnswerInSchema | Action::SendAll | Action::CopyAll | Action::SaveCode | Action::SavePersona
            )
        };
        for action in Action::ALL {
            assert!(by_name(action) || !map.keys_for(*action).is_empty(), "{}", action.name());
        }
        for binding in &map.bindings {
            assert!(overrides::may_bind(binding.context, binding.action), "{binding:?}");
            assert_eq!(overrides::cannot_be_typed(binding.context, binding.keys.first()), None, "{binding:?}");
        }
    }

    #[test]
    fn nothing_in_the_composer_hides_a_key_of_chat() {
        let map = KeyMap::default();
        // In an empty composer, where there is nothing to go right in.
        let gives_way = |binding: &&Binding| binding.action == Action::Find;
        for binding in map.bindings.iter().filter(|binding| binding.context == Context::Chat && !gives_way(binding)) {
            if let [chord] = binding.keys.chords() {
                assert_eq!(map.resolve(&CHAT, *chord), Some(binding.action));
            } else {
                assert_eq!(map.resolve(&CHAT, binding.keys.first()), None, "{}", binding.keys);
            }
        }
        for action in [Action::Quit, Action::Interrupt] {
            assert!(map.is_reachable(action));
        }
    }

    #[test]
    fn what_matters_needs_neither_alt_nor_a_function_key() {
        let map = KeyMap::default();
        for action in Action::ALL {
            // Panes are a Tab away, and Models and Settings have `?` for the help.
            if matches!(action, Action::ShowChat | Action::ShowModels | Action::ShowSettings) {
                continue;
            }
            let simple =
                |keys: &KeySequence| keys.chords().iter().all(|chord| !chord.alt && !matches!(chord.key, Key::F(_)));
            // `/conversations`, `/think`, `/schema`, `/copy` and the like need no more than letters, and every letter with Ctrl is taken.
            let by_name = matches!(
                action,
                Action::Conversations
                    | Action::ToggleThinking
                    | Action::AnswerInSchema
                    | Action::SendAll
                    | Action::EditMessage
                    | Action::Retry
                    | Action::CopyMessage
                    | Action::CopyCode
                    | Action::CopyAll
                    | Action::SaveCode
                    | Action::SavePersona
            );
            let exempt = by_name || matches!(action, Action::TextStart | Action::TextEnd);
            assert!(exempt || map.keys_for(*action).iter().any(simple), "{}", action.name());
        }
    }

    #[test]
    fn the_contract_holds() {
        let map = KeyMap::default();
        for (keys, action) in [
            ("tab", Action::NextPane),
            ("shift-tab", Action::PreviousPane),
            ("f1", Action::Help),
            ("f2", Action::ShowChat),
            ("f3", Action::ShowModels),
            ("f4", Action::ShowSettings),
            ("alt-1", Action::ShowChat),
            ("alt-2", Action::ShowModels),
            ("alt-3", Action::ShowSettings),
            ("ctrl-p", Action::Palette),
            ("ctrl-q", Action::Quit),
            ("ctrl-c", Action::Interrupt),
        ] {
            for pane in [Context::Models, Context::Settings] {
                assert_eq!(map.resolve(&[pane, Context::List, Context::Global], chord(keys)), Some(action), "{keys}");
            }
            assert_eq!(map.resolve_all(&CHAT, chord(keys)).last(), Some(action), "{keys}");
        }
        for (keys, action) in [
            ("enter", Action::Send),
            ("alt-enter", Action::NewLine),
            ("ctrl-j", Action::NewLine),
            ("shift-enter", Action::NewLine),
            ("esc", Action::Stop),
            ("ctrl-c", Action::Interrupt),
            ("ctrl-g", Action::OpenEditor),
            ("up", Action::Up),
            ("ctrl-z", Action::Suspend),
            ("ctrl-/", Action::Undo),
            ("tab", Action::Complete),
        ] {
            assert_eq!(map.resolve(&CHAT, chord(keys)), Some(action), "{keys}");
        }
    }

    #[test]
    fn characters_are_text_where_text_is_edited() {
        let map = KeyMap::default();
        let models = [Context::Models, Context::List, Context::Global];
        assert_eq!(map.resolve(&models, chord("j")), Some(Action::Next));
        assert_eq!(map.resolve(&[Context::Edit, Context::Models, Context::Global], chord("j")), None);
        assert_eq!(map.resolve(&models, chord("G")), Some(Action::Last));
        assert_eq!(map.resolve(&models, chord("?")), Some(Action::Help));
    }

    #[test]
    fn a_chord_is_found_however_the_terminal_says_it() {
        let said = KeyChord { key: Key::Char('_'), ctrl: true, alt: false, shift: true };
        assert_eq!(KeyMap::default().resolve(&CHAT, said), Some(Action::Undo));
    }

    #[test]
    fn what_can_follow_a_leader_is_known() {
        let map = KeyMap::default();
        let leader = chord("ctrl-x");
        assert!(map.goes_on(Context::Chat, &[leader]) && !map.goes_on(Context::Models, &[leader]));
        let next = map.next_keys(&CHAT, &[leader]);
        assert!(next.contains(&(chord("v"), Some(Action::Compare))), "{next:?}");
        assert_eq!(map.sequence(Context::Chat, &[leader, chord("v")]), Some(Action::Compare));
        assert_eq!(map.next_keys(&CHAT, &[leader, chord("v")]), []);
    }

    #[test]
    fn the_help_has_every_binding_once() {
        let map = KeyMap::default();
        let listed: usize = map.bindings().iter().flat_map(|(_, actions)| actions).map(|(_, keys)| keys.len()).sum();
        assert_eq!(listed, map.bindings.len());
        assert_eq!(map.keys_for(Action::Next), [KeySequence::from(chord("down")), chord("j").into()]);
    }
}
