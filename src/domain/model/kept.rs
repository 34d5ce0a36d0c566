//! What a model keeps of a conversation, and how much of it a look at its files tells.

use super::ModelFacts;

/// How much the start of a model's file has told of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Foresight {
    /// All that it can: nothing speaks against the model.
    Enough,
    /// Nothing against it so far.
    More,
}

impl ModelFacts {
    /// Tokens whose keys and values the cache holds at a context, all layers together.
    #[must_use]
    pub fn cached_tokens(&self, context: u32) -> u64 {
        let windowed = self.windowed_layers.min(self.layers);
        u64::from(self.whole_layers()) * u64::from(context) + u64::from(windowed) * u64::from(context.min(self.window))
    }

    /// Layers that keep the keys and values of all tokens.
    #[must_use]
    pub fn whole_layers(&self) -> u32 {
        self.layers.saturating_sub(self.windowed_layers).saturating_sub(self.stateful_layers)
    }
}
