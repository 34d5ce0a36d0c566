use std::path::Path;
use crate::domain::model::{Format, ModelFacts};
use crate::domain::sampling::SamplingPatch;
use crate::error::UserError;
/// Stand-in until the header reader is here: facts of the starter.
///
/// # Errors
/// When the file is not there.
pub fn probe(path: &Path) -> Result<ModelFacts, UserError> {
    if !path.exists() {
        return Err(UserError::new(crate::error::ErrorKind::ModelNotFound, format!("`{}` is not there", path.display())));
    }
    Ok(ModelFacts { format: Format::Gguf, name: None, architecture: "llama".into(), quant: "Q4_1".into(), parameters: 134_515_008, bytes: 98_362_432, context: 8192, layers: 30, kv_heads: 3, head_size: 64, vocabulary: 49_152, has_chat_template: true, can_think: false, recommended: SamplingPatch::default() })
}
