//! The scripts by which shells ask hobnob itself what could stand at the cursor.

use clap::ValueEnum;

/// The hidden first argument that asks for completions.
pub const COMPLETE: &str = "__complete";

/// A shell that can be told how to complete hobnob's command lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
    #[value(name = "powershell", alias = "pwsh")]
    PowerShell,
}

impl Shell {
    /// The script, to be read by the shell.
    #[must_use]
    pub fn script(self) -> &'static str {
        match self {
            Self::Bash => include_str!("../../assets/completions/hobnob.bash"),
            Self::Zsh => include_str!("../../assets/completions/_hobnob"),
            Self::Fish => include_str!("../../assets/completions/hobnob.fish"),
            Self::PowerShell => include_str!("../../assets/completions/hobnob.ps1"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_script_asks_us() {
        for shell in Shell::value_variants() {
            assert!(shell.script().contains(COMPLETE), "{shell:?}");
        }
    }
}
