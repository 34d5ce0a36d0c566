//! Everything a person can do, once: the key map, the palette, the slash commands, the help and the docs are made from this.

/// Where a key press is looked up. The innermost context that knows the key wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Context {
    /// Everywhere.
    Global,
    /// The Chat pane.
    Chat,
    /// The conversation in the Chat pane, where something in it is pointed at and letters are no text.
    Reading,
    /// The field of the search in the conversation.
    Finding,
    /// The Models pane.
    Models,
    /// The Settings pane.
    Settings,
    /// Wherever text is edited: the composer and every one-line field.
    Edit,
    /// Wherever one of several rows is chosen: Models, Settings, palette, pickers.
    List,
    /// The list of all conversations.
    Conversations,
    /// A question, the help, or any other thing in front of the pane.
    Dialog,
}

impl Context {
    pub const ALL: [Self; 10] = [
        Self::Global,
        Self::Chat,
        Self::Reading,
        Self::Finding,
        Self::Conversations,
        Self::Models,
        Self::Settings,
        Self::Edit,
        Self::List,
        Self::Dialog,
    ];

    /// The name of its table in the config file: `[keys.NAME]`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Chat => "chat",
            Self::Reading => "reading",
            Self::Finding => "finding",
            Self::Models => "models",
            Self::Settings => "settings",
            Self::Edit => "edit",
            Self::List => "list",
            Self::Conversations => "conversations",
            Self::Dialog => "dialog",
        }
    }

    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.name() == name)
    }

    /// Its heading in the help.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Global => "Everywhere",
            Self::Chat => "Chat",
            Self::Reading => "Reading the conversation",
            Self::Finding => "Finding words in the conversation",
            Self::Models => "Models",
            Self::Settings => "Settings",
            Self::Edit => "Editing text",
            Self::List => "In lists",
            Self::Conversations => "Conversations",
            Self::Dialog => "In front of a pane",
        }
    }
}

macro_rules! actions {
    ($($variant:ident, $context:ident, $name:literal, $description:literal;)+) => {
        /// One thing that can be done.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Action { $($variant),+ }

        impl Action {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name in the config file and after `/`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// One line for the help and the palette.
            #[must_use]
            pub fn description(self) -> &'static str {
                match self { $(Self::$variant => $description),+ }
            }

            /// The context that it is at home in.
            #[must_use]
            pub fn context(self) -> Context {
                match self { $(Self::$variant => Context::$context),+ }
            }
        }
    };
}

actions! {
    ShowChat, Global, "chat", "Go to Chat";
    ShowModels, Global, "models", "Go to Models";
    ShowSettings, Global, "settings", "Go to Settings";
    NextPane, Global, "next-pane", "Go to the next pane";
    PreviousPane, Global, "previous-pane", "Go to the previous pane";
    Conversations, Global, "conversations", "Show all conversations, and find words in them";
    Palette, Global, "palette", "Find anything that can be done";
    Help, Global, "help", "Show all keys";
    Reload, Global, "reload", "Load the model again, with the settings as they are";
    KeepCopy, Global, "keep", "Keep the quantised copy of the model, which then loads quickly";
    Theme, Global, "theme", "Choose a theme, with preview";
    Interrupt, Global, "interrupt", "Stop the answer, else clear the text, else quit";
    Suspend, Global, "suspend", "Go to the background; `fg` comes back";
    Redraw, Global, "redraw", "Draw the screen anew";
    Quit, Global, "quit", "Quit";

    Send, Chat, "send", "Send the message";
    Stop, Chat, "stop", "Stop the answer and keep what is there";
    TakeBack, Chat, "take-back", "Take the last queued message back";
    Retry, Chat, "retry", "Answer the last message again";
    RetryWith, Chat, "retry-with", "Answer again with another model, or more or less freely";
    Compare, Chat, "compare", "Have another model answer as well, and compare";
    GoOn, Chat, "continue", "Let an answer that was cut off go on";
    SendAll, Chat, "send-all", "Send the whole conversation again, after something was left out";
    NewConversation, Chat, "new", "Start a new conversation";
    Fork, Chat, "fork", "Go on in a new conversation from here";
    Branches, Chat, "branches", "Show all branches of this conversation";
    ChoosePersona, Chat, "persona", "Hold this conversation as a persona";
    SavePersona, Chat, "save-persona", "Keep the settings of this conversation as a persona";
    SetHere, Chat, "set", "Show and change the settings of this conversation alone";
    OpenEditor, Chat, "editor", "Write the message in $EDITOR";
    SearchPrompts, Chat, "search-prompts", "Find something that you asked before";
    UnfoldText, Chat, "unfold-text", "Unfold what was pasted into the text being written";
    ToggleReasoning, Chat, "reasoning", "Show or fold the model's reasoning";
    ToggleThinking, Chat, "think", "Turn reasoning on or off for this conversation";
    AnswerInSchema, Chat, "schema", "Have the next answer in the form of a JSON Schema, or not";
    EditMessage, Chat, "edit-message", "Write a message again, at its place";
    PreviousVersion, Chat, "previous-version", "Show what was written or answered here before";
    NextVersion, Chat, "next-version", "Show what was written or answered here after";
    CopyMessage, Chat, "copy", "Copy the last answer, or the message scrolled to";
    CopyCode, Chat, "copy-code", "Copy a block of code";
    CopyAll, Chat, "copy-all", "Copy the whole conversation as Markdown";
    SaveCode, Chat, "save-code", "Write a block of code to a file";
    Read, Chat, "read", "Point at messages and lines: to select, copy, fold or delete them";
    Find, Chat, "find", "Find words in this conversation";
    FoldAll, Chat, "fold-all", "Fold everything long in this conversation, or unfold it";
    LineNumbers, Chat, "line-numbers", "Number the lines of code, or not";
    Details, Chat, "details", "Say more about each message, with the time it was sent; less; or nothing";
    PreviousCode, Chat, "previous-code", "Go to the block of code before";
    NextCode, Chat, "next-code", "Go to the block of code after";
    ScrollUp, Chat, "scroll-up", "Scroll up a line";
    ScrollDown, Chat, "scroll-down", "Scroll down a line";
    PageUp, Chat, "page-up", "Scroll up a page";
    PageDown, Chat, "page-down", "Scroll down a page";
    HalfPageUp, Chat, "half-page-up", "Scroll up half a page";
    HalfPageDown, Chat, "half-page-down", "Scroll down half a page";
    PreviousMessage, Chat, "previous-message", "Go to the message before";
    NextMessage, Chat, "next-message", "Go to the message after";
    ScrollTop, Chat, "top", "Go to the beginning of the conversation";
    ScrollBottom, Chat, "bottom", "Go to the end and follow the answer";

    CursorUp, Reading, "cursor-up", "The line above";
    CursorDown, Reading, "cursor-down", "The line below";
    ExtendUp, Reading, "extend-up", "Select up to the line above";
    ExtendDown, Reading, "extend-down", "Select down to the line below";
    ExtendToPrevious, Reading, "extend-to-previous", "Select up to the message before";
    ExtendToNext, Reading, "extend-to-next", "Select down to the message after";
    Mark, Reading, "mark", "Select from here on, or no more";
    CopySelection, Reading, "copy-selection", "Copy what is selected or pointed at";
    Fold, Reading, "fold", "Fold or unfold what is pointed at";
    FindNext, Reading, "find-next", "The next place of the words that were found";
    FindPrevious, Reading, "find-previous", "The place before of the words that were found";
    SideLeft, Reading, "side-left", "Move wide code and tables back";
    SideRight, Reading, "side-right", "Show wide code and tables unbroken, and move them sideways";
    DeleteMessage, Reading, "delete-message", "Delete the message, a question with its answer";
    RestoreMessage, Reading, "restore-message", "Bring back what was deleted last";
    LeaveReading, Reading, "leave-reading", "Back to writing";

    HitNext, Finding, "hit-next", "The next place";
    HitPrevious, Finding, "hit-previous", "The place before";
    LeaveFinding, Finding, "leave-finding", "Close the search: back to where it began, or stay after a step";

    Rename, Conversations, "rename", "Give the conversation another title";
    Pin, Conversations, "pin", "Keep the conversation at the top of the list, or not";
    Archive, Conversations, "archive", "Put the conversation into the archive, or back";
    DeleteConversation, Conversations, "delete-conversation", "Delete the conversation";
    Undelete, Conversations, "undelete", "Bring the conversation back that was deleted last";
    ShowArchive, Conversations, "show-archive", "Show the archive, or what is not in it";

    ShowHere, Models, "here", "Models on this machine";
    ShowFind, Models, "find-model", "Find a model: the catalog and the Hub";
    ShowDownloads, Models, "downloads", "Downloads under way, and what became of them";
    PreviousPlace, Models, "previous-place", "The place before, of the three in Models";
    NextPlace, Models, "next-place", "The place after, of the three in Models";
    Search, Models, "search", "Search the Hub";
    Open, Models, "open", "Load what is chosen; open or get what is not here";
    Back, Models, "back", "Out of the search field, or of a repository";
    Load, Models, "load", "Load the chosen model, getting it first where it is not here";
    Unload, Models, "unload", "Unload the model and give its memory back";
    Refresh, Models, "refresh", "Look again: at this machine, or at the Hub";
    CancelJob, Models, "cancel", "Cancel the load, download or check under way";
    GetStarter, Models, "starter", "Get the starter model (98 MB) and load it";
    ShowPage, Models, "page", "Show the repository that the chosen model is from";
    Card, Models, "card", "Read a repository's model card, or go back to what it offers";
    Verify, Models, "verify", "Check every byte of the chosen model";
    DeleteModel, Models, "delete-model", "Delete the chosen model, or what came of a download";
    LookForNewer, Models, "newer", "Look whether the Hub has something newer, and get it";
    Import, Models, "import", "Give a model file of yours a place in the list";
    FilterKind, Models, "filter-kind", "Search one format only: GGUF, safetensors, MLX, UQFF";
    FilterSize, Models, "filter-size", "Search models up to a size only";
    FilterLicence, Models, "filter-licence", "Search one licence only";
    FilterAuthor, Models, "filter-author", "Search only what the chosen model's author has";
    FilterFits, Models, "filter-fits", "Show only what fits this machine";
    Sort, Models, "sort", "Order by trend, downloads, likes or age";
    ClearFilters, Models, "clear-filters", "Take all filters off; once more, the words too";
    Pause, Models, "pause", "Pause the chosen download, or go on with it";
    DownloadFirst, Models, "download-first", "Get the chosen download before all others";

    Increase, Settings, "increase", "One step up, or the next choice";
    Decrease, Settings, "decrease", "One step down, or the choice before";
    EditValue, Settings, "edit", "Type a value";
    ResetValue, Settings, "reset", "Back to the default";

    NewLine, Edit, "new-line", "Begin a new line";
    Left, Edit, "left", "One character left";
    Right, Edit, "right", "One character right";
    Up, Edit, "up", "One line up";
    Down, Edit, "down", "One line down";
    WordLeft, Edit, "word-left", "One word left";
    WordRight, Edit, "word-right", "One word right";
    LineStart, Edit, "line-start", "To the beginning of the line";
    LineEnd, Edit, "line-end", "To the end of the line";
    TextStart, Edit, "text-start", "To the beginning of the text";
    TextEnd, Edit, "text-end", "To the end of the text";
    Backspace, Edit, "backspace", "Delete the character before";
    Delete, Edit, "delete", "Delete the character after";
    DeleteWordLeft, Edit, "delete-word-left", "Delete the word before";
    DeleteWordRight, Edit, "delete-word-right", "Delete the word after";
    DeleteToStart, Edit, "delete-to-start", "Delete to the beginning of the line";
    DeleteToEnd, Edit, "delete-to-end", "Delete to the end of the line";
    Transpose, Edit, "transpose", "Swap the two characters around the cursor";
    Paste, Edit, "yank", "Put back what was deleted last";
    Undo, Edit, "undo", "Undo";
    Redo, Edit, "redo", "Redo";
    Complete, Edit, "complete", "Take the suggestion";

    Previous, List, "previous", "The row above";
    Next, List, "next", "The row below";
    PagePrevious, List, "page-previous", "A page up";
    PageNext, List, "page-next", "A page down";
    First, List, "first", "The first row";
    Last, List, "last", "The last row";

    Accept, Dialog, "accept", "Yes, do it";
    Dismiss, Dialog, "dismiss", "Close without doing anything";
}

impl Action {
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|a| a.name() == name)
    }

    /// What may follow it where it is written as a slash command, for the person who writes.
    #[must_use]
    pub fn argument(self) -> Option<&'static str> {
        match self {
            Self::AnswerInSchema => Some("FILE"),
            Self::SaveCode => Some("[N] FILE"),
            Self::Theme | Self::ChoosePersona | Self::SavePersona => Some("NAME"),
            Self::Load | Self::Compare => Some("MODEL"),
            Self::Retry => Some("MODEL|KEY=VALUE"),
            Self::SetHere => Some("KEY=VALUE"),
            Self::CopyCode => Some("NUMBER"),
            Self::Find => Some("WORDS"),
            Self::Conversations | Self::Rename => Some("TITLE"),
            _ => None,
        }
    }

    /// Worth an entry in the palette and a slash command: what is done to the program, not to a cursor.
    #[must_use]
    pub fn in_palette(self) -> bool {
        let moves = matches!(
            self,
            Self::CursorUp
                | Self::CursorDown
                | Self::ExtendUp
                | Self::ExtendDown
                | Self::ExtendToPrevious
                | Self::ExtendToNext
                | Self::LeaveReading
        );
        let on_text = matches!(self.context(), Context::Edit | Context::List | Context::Dialog | Context::Finding);
        !moves && !on_text && self != Self::Send
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_lead_back() {
        let names: BTreeSet<_> = Action::ALL.iter().map(|a| a.name()).collect();
        assert_eq!(names.len(), Action::ALL.len());
        for action in Action::ALL {
            assert_eq!(Action::from_name(action.name()), Some(*action));
        }
        for context in Context::ALL {
            assert_eq!(Context::from_name(context.name()), Some(context));
        }
    }
}
