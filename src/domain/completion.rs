//! What could stand where somebody pressed Tab.

pub mod bash;

/// What a shell may put in place of the word at the cursor.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Completion {
    /// What is known from the command line's own definitions.
    pub candidates: Vec<Candidate>,
    /// What has to be looked up.
    pub values: Values,
    /// The beginning of the word that is no part of the value: `--model=`.
    pub before: String,
    /// What there is of the value.
    pub typed: String,
}

/// A word, and what it means.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    pub value: String,
    pub about: String,
}

/// Values that only this machine knows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Values {
    /// Nothing can be known: a prompt, a number.
    #[default]
    None,
    /// Models on this machine, and names of the catalog.
    Models,
    /// Models on this machine alone.
    ModelsHere,
    /// Names under which models can be fetched.
    ModelsToPull,
    Sessions,
    Templates,
    /// Variables of a template, by the template's name.
    Variables(Option<String>),
    Themes,
    Personas,
    Files,
    Folders,
    /// A text, or `@` and a file.
    TextOrFile,
}
