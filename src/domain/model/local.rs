//! What can be said of a model that is here, even where it can't be loaded.

use super::{Choice, LocalModel, ModelRef};

impl LocalModel {
    /// Its quantisation: as its header says, or else its MODEL. Empty where neither does.
    #[must_use]
    pub fn quant(&self) -> String {
        match (&self.facts, ModelRef::parse(&self.reference)) {
            (Ok(facts), _) => facts.quant.clone(),
            (Err(_), Ok(ModelRef::Hub { choice: Choice::Quant(quant), .. })) => quant,
            (Err(_), _) => String::new(),
        }
    }
}
