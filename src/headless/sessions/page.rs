//! A conversation to be read in a terminal.

use std::fmt::Write;

use crate::domain::Role;
use crate::domain::conversation::MessageState;
use crate::domain::store::Opened;
use crate::domain::units::moment;
use crate::domain::zone::Zone;
use crate::headless::Console;
use crate::text::sanitize;

/// The branch that is shown, as text.
pub(super) fn page(opened: &Opened, zone: &Zone, console: Console) -> String {
    let mut out = String::new();
    let begun = moment(opened.created, zone.offset_at(opened.created));
    let _ = writeln!(out, "{}  {}  ({begun})\n", opened.id.short(), console.paint(&sanitize(&opened.title), "1"));
    for message in opened.conversation.branch() {
        let who = match message.role {
            Role::User => "you",
            Role::System => "system",
            Role::Assistant => message.model.as_deref().unwrap_or("model"),
        };
        let _ = writeln!(out, "{}", console.paint(&sanitize(who), "1;36"));
        let _ = writeln!(out, "{}", sanitize(message.content.trim_end()));
        if let MessageState::Failed(error) = &message.state {
            let _ = writeln!(out, "({})", sanitize(&error.message));
        }
        out.push('\n');
    }
    if !opened.draft.is_empty() {
        let _ = writeln!(out, "{}\n{}\n", console.paint("not sent", "1;36"), sanitize(opened.draft.text.trim_end()));
    }
    let other = opened.conversation.said() - opened.conversation.len();
    if other > 0 {
        let _ = writeln!(out, "({other} more on other branches; `hobnob sessions export --format json` has them)");
    }
    out
}
